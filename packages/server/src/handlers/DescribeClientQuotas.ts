// Serves: DescribeClientQuotas in all versions: the quotas that a filter lets pass, in the order of their entities.
// Left out: nothing.

import { errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { DescribeClientQuotas } from "@tusk/protocol/messages/DescribeClientQuotas"
import type { DescribeClientQuotasRequest } from "@tusk/protocol/messages/DescribeClientQuotas"
import { Quotas } from "@tusk/storage/security/Quotas"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { CLUSTER } from "../request/Resources.ts"
import { described, filterProblem } from "../security/quota/described.ts"

export const describeClientQuotas = handler({
  api: DescribeClientQuotas,
  resources: () => CLUSTER,
  reads: true,
  make: Effect.gen(function* () {
    const quotas = yield* Quotas
    return (request: DescribeClientQuotasRequest) =>
      Effect.suspend(() => {
        const problem = filterProblem(request)
        if (problem !== undefined) return Effect.fail(problem)
        return Effect.succeed({
          errorCode: NONE,
          errorMessage: "",
          entries: described(quotas.current().values(), request)
        })
      })
  }),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    entries: null
  })
})
