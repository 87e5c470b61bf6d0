// Serves: DescribeAcls in all versions: the rows of kafka.acls that a filter matches, by their patterns.
// Left out: nothing.

import { errorMessage, NONE, SecurityDisabled } from "@tusk/protocol/KafkaError"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import type { DescribeAclsRequest, DescribeAclsResponse } from "@tusk/protocol/messages/DescribeAcls"
import type { StoredAcl } from "@tusk/storage/port/Security"
import { Acls } from "@tusk/storage/security/Acls"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { inOrder, matches, queryOf, saysUnknown } from "../security/acl/AclFilter.ts"
import { codesOf } from "../security/acl/AclWords.ts"

type Resource = DescribeAclsResponse["resources"][number]

/** Rows in order, so that those of one pattern follow each other. */
const byPattern = (rows: ReadonlyArray<StoredAcl>): ReadonlyArray<Resource> => {
  const resources: Array<Resource & { readonly acls: Array<Resource["acls"][number]> }> = []
  for (const row of inOrder(rows)) {
    const { operation, patternType, permissionType, resourceType } = codesOf(row)
    const { host, principal, resourceName } = row
    let last = resources.at(-1)
    if (last?.resourceType !== resourceType || last.resourceName !== resourceName || last.patternType !== patternType) {
      resources.push((last = { resourceType, resourceName, patternType, acls: [] }))
    }
    last.acls.push({ principal, host, operation, permissionType })
  }
  return resources
}

export const describeAcls = handler({
  api: DescribeAcls,
  resources: () => CLUSTER,
  asks: [{ operation: "describe", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const acls = yield* Acls
    return Effect.fnUntraced(function* (request: DescribeAclsRequest, context: RequestContext) {
      if (saysUnknown(request)) {
        context.connection.close("a DescribeAcls request has an UNKNOWN element")
        return undefined
      }
      yield* authorizeCluster(context, "describe")
      if (!context.connection.authorizer.isOn) {
        return yield* Effect.fail(new SecurityDisabled({ message: "No Authorizer is configured on the broker" }))
      }
      const query = queryOf(request)
      const rows = Array.from(acls.current().values()).filter((row) => matches(query, row))
      // As Kafka, which says nothing with an empty text.
      return { errorCode: NONE, errorMessage: "", resources: byPattern(rows) }
    })
  }),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    resources: []
  })
})
