// Serves: DeleteAcls in all versions: rows of kafka.acls that filters match, all in one commit.
// Left out: nothing.

import { errorCode, errorMessage, InvalidRequest, NONE, SecurityDisabled } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { DeleteAcls } from "@tusk/protocol/messages/DeleteAcls"
import type { DeleteAclsRequest, DeleteAclsResponse } from "@tusk/protocol/messages/DeleteAcls"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { Acls } from "@tusk/storage/security/Acls"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { inOrder, matches, queryOf, saysUnknown } from "../security/acl/AclFilter.ts"
import type { AclQuery } from "../security/acl/AclFilter.ts"
import { codesOf } from "../security/acl/AclWords.ts"

type FilterResult = DeleteAclsResponse["filterResults"][number]

const UNKNOWN = "UNKNOWN"

const problemOf = (query: AclQuery): KafkaError | undefined => {
  if (query.resourceType === UNKNOWN || query.patternType === UNKNOWN) {
    return new InvalidRequest({ message: "Unknown patternFilter." })
  }
  return query.operation === UNKNOWN || query.permissionType === UNKNOWN
    ? new InvalidRequest({ message: "Unknown entryFilter." })
    : undefined
}

const refused = (error: KafkaError): FilterResult => ({
  errorCode: errorCode(error),
  errorMessage: errorMessage(error),
  matchingAcls: []
})

const deleted = (rows: ReadonlyArray<StoredAcl>): FilterResult => ({
  errorCode: NONE,
  errorMessage: null,
  matchingAcls: inOrder(rows).map((row) => ({
    errorCode: NONE,
    errorMessage: null,
    ...codesOf(row),
    resourceName: row.resourceName,
    principal: row.principal,
    host: row.host
  }))
})

export const deleteAcls = handler({
  api: DeleteAcls,
  resources: () => CLUSTER,
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: false,
  make: Effect.gen(function* () {
    const acls = yield* Acls

    /** The rows that each query means, which are gone then. A row that two of them mean is told twice, as in Kafka. */
    const remove = Effect.fnUntraced(function* (queries: ReadonlyArray<AclQuery>) {
      let found: ReadonlyArray<ReadonlyArray<StoredAcl>> = []
      yield* acls.change((present) => {
        const rows = Array.from(present.values())
        found = queries.map((query) => rows.filter((row) => matches(query, row)))
        const gone = new Set(found.flat().map(acls.keyOf))
        return new Map(Array.from(present).filter(([key]) => !gone.has(key)))
      })
      return found
    })

    return Effect.fnUntraced(function* ({ filters }: DeleteAclsRequest, context: RequestContext) {
      if (filters.some(saysUnknown)) {
        context.connection.close("a DeleteAcls request has an UNKNOWN element")
        return undefined
      }
      yield* authorizeCluster(context, "alter")
      if (!context.connection.authorizer.isOn) {
        return yield* Effect.fail(new SecurityDisabled({ message: "No Authorizer is configured." }))
      }
      const queries = filters.map(queryOf)
      const problems = queries.map(problemOf)
      const found = yield* remove(queries.filter((_, i) => problems[i] === undefined))
      let next = 0
      return {
        filterResults: problems.map((problem) => (problem === undefined ? deleted(found[next++]!) : refused(problem)))
      }
    })
  }),
  refuse: ({ filters }, _code, error) => ({ filterResults: filters.map(() => refused(error)) })
})
