// Serves: DescribeClientQuotas: checks the filter, and finds nothing.
// Left out: quotas.
// Why: there are none, and none can be set: nothing here heeds one.

import {
  ClusterAuthorizationFailed,
  errorMessage,
  InvalidRequest,
  NONE,
  UnsupportedVersion
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { DescribeClientQuotas } from "@tusk/protocol/messages/DescribeClientQuotas"
import type { DescribeClientQuotasRequest } from "@tusk/protocol/messages/DescribeClientQuotas"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

const [EXACT, DEFAULT, SPECIFIED] = [0, 1, 2]
const [USER, CLIENT_ID, IP] = ["user", "client-id", "ip"]

/** What is wrong with a filter, in Apache Kafka's words and order. */
const problemOf = ({ components }: DescribeClientQuotasRequest): KafkaError | undefined => {
  const invalid = (message: string) => new InvalidRequest({ message })
  const types = new Set<string>()
  for (const { entityType, match, matchType } of components) {
    if (entityType === "") return invalid("Invalid empty entity type.")
    if (types.has(entityType)) return invalid(`Entity type ${entityType} cannot appear more than once in the filter.`)
    if (matchType === EXACT && match === null) {
      return invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.")
    }
    if (matchType === DEFAULT && match !== null) {
      return invalid("Request specified MATCH_TYPE_DEFAULT, but also specified a match string.")
    }
    if (matchType === SPECIFIED && match !== null) {
      return invalid("Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.")
    }
    if (matchType < EXACT || matchType > SPECIFIED) return invalid(`Unknown match type ${matchType}`)
    if (![USER, CLIENT_ID, IP].includes(entityType)) {
      return new UnsupportedVersion({ message: `Unsupported entity type ${entityType}` })
    }
    types.add(entityType)
  }
  return types.has(IP) && types.size > 1
    ? invalid(
        "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component."
      )
    : undefined
}

export const describeClientQuotas = handler({
  api: DescribeClientQuotas,
  resources: () => CLUSTER,
  asks: [{ operation: "describeConfigs", resourceType: "cluster" }],
  reads: true,
  make: Effect.succeed(
    Effect.fnUntraced(function* (request: DescribeClientQuotasRequest, context: RequestContext) {
      yield* authorizeCluster(context, "describeConfigs", () => new ClusterAuthorizationFailed())
      const problem = problemOf(request)
      return problem === undefined ? { errorCode: NONE, errorMessage: "", entries: [] } : yield* Effect.fail(problem)
    })
  ),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    entries: null
  })
})
