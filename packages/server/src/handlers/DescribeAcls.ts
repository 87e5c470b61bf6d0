import { errorMessage, SecurityDisabled } from "@tusk/protocol/KafkaError"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

/** Nobody is asked who he is, and nobody is refused anything: SECURITY_DISABLED, as Apache Kafka without an authorizer. */
export const describeAcls = handler({
  api: DescribeAcls,
  reads: true,
  make: Effect.succeed(() =>
    Effect.fail(new SecurityDisabled({ message: "No Authorizer is configured on the broker" }))
  ),
  refuse: (_request, errorCode, error) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage: errorMessage(error),
    resources: []
  })
})
