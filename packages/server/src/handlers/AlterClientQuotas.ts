// Serves: AlterClientQuotas in all versions: quotas of users, client-ids and addresses, and of their defaults.
// Left out: an address by its host's name; an entity that is named `<default>`.
// Why: a name may stand for another address tomorrow; so the table `kafka.quotas` names the default.

import { errorCode, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { AlterClientQuotas } from "@tusk/protocol/messages/AlterClientQuotas"
import type { AlterClientQuotasRequest } from "@tusk/protocol/messages/AlterClientQuotas"
import { Quotas } from "@tusk/storage/security/Quotas"
import * as Effect from "effect/Effect"
import { authorizeCluster, clusterRefused } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { altered, rowsAfter } from "../security/quota/altered.ts"
import { partsOf } from "../security/quota/Entity.ts"

export const alterClientQuotas = handler({
  api: AlterClientQuotas,
  resources: () => CLUSTER,
  asks: [{ operation: "alterConfigs", resourceType: "cluster" }],
  reads: false,
  make: Effect.gen(function* () {
    const quotas = yield* Quotas
    return Effect.fnUntraced(function* ({ entries, validateOnly }: AlterClientQuotasRequest, context: RequestContext) {
      yield* authorizeCluster(context, "alterConfigs", clusterRefused)
      const { changes, results } = altered(entries)
      if (!validateOnly && changes.length > 0) {
        yield* quotas.change((present) => rowsAfter(present, changes, quotas.keyOf))
      }
      return {
        entries: results.map(({ entity, problem }) => ({
          errorCode: problem === undefined ? NONE : errorCode(problem),
          errorMessage: problem === undefined ? null : errorMessage(problem),
          entity: partsOf(entity)
        }))
      }
    })
  }),
  refuse: ({ entries }, code, error) => ({
    entries: entries.map(({ entity }) => ({ errorCode: code, errorMessage: errorMessage(error), entity }))
  })
})
