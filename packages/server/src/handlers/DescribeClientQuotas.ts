// Serves: DescribeClientQuotas in all versions: the quotas that a filter lets pass, in the order of their entities.
// Left out: nothing.

import { ClusterAuthorizationFailed, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { DescribeClientQuotas } from "@tusk/protocol/messages/DescribeClientQuotas"
import type { DescribeClientQuotasRequest } from "@tusk/protocol/messages/DescribeClientQuotas"
import { Quotas } from "@tusk/storage/security/Quotas"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { described, filterProblem } from "../security/quota/described.ts"

export const describeClientQuotas = handler({
  api: DescribeClientQuotas,
  resources: () => CLUSTER,
  asks: [{ operation: "describeConfigs", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const quotas = yield* Quotas
    return Effect.fnUntraced(function* (request: DescribeClientQuotasRequest, context: RequestContext) {
      yield* authorizeCluster(context, "describeConfigs", () => new ClusterAuthorizationFailed())
      const problem = filterProblem(request)
      if (problem !== undefined) return yield* Effect.fail(problem)
      return { errorCode: NONE, errorMessage: "", entries: described(quotas.current().values(), request) }
    })
  }),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    entries: null
  })
})
