// Serves: DescribeAcls, with SECURITY_DISABLED, as Apache Kafka without an authorizer.
// Left out: ACLs.
// Why: no client has to authenticate, and none is refused anything.

import { errorMessage, SecurityDisabled } from "@tusk/protocol/KafkaError"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { CLUSTER } from "../request/Resources.ts"

export const describeAcls = handler({
  api: DescribeAcls,
  resources: () => CLUSTER,
  reads: true,
  make: Effect.succeed(() =>
    Effect.fail(new SecurityDisabled({ message: "No Authorizer is configured on the broker" }))
  ),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    resources: []
  })
})
