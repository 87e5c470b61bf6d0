import { InvalidRequest, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { DescribeClientQuotasRequest } from "@tusk/protocol/messages/DescribeClientQuotas"
import type { StoredQuota } from "@tusk/storage/port/Security"
import { entityOfStored, partsOf, toldOf } from "./Entity.ts"
import type { Entity } from "./Entity.ts"

const [EXACT, DEFAULT, SPECIFIED] = [0, 1, 2]
const [USER, CLIENT_ID, IP] = ["user", "client-id", "ip"]

/** What is wrong with a filter, in Apache Kafka's words and order. */
export const filterProblem = ({ components }: DescribeClientQuotasRequest): KafkaError | undefined => {
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

/** The quotas of the entities that a filter lets pass; strict: which name nothing else. */
export const described = (quotas: Iterable<StoredQuota>, { components, strict }: DescribeClientQuotasRequest) => {
  const found = new Map<string, { readonly entity: Entity; readonly values: Array<{ key: string; value: number }> }>()
  for (const { key, value, ...stored } of quotas) {
    const entity = entityOfStored(stored)
    if (strict && entity.size !== components.length) continue
    const passes = components.every(
      ({ entityType, match, matchType }) =>
        entity.has(entityType) && (matchType === SPECIFIED || entity.get(entityType) === match)
    )
    if (!passes) continue
    const name = toldOf(entity)
    const entry = found.get(name) ?? { entity, values: [] }
    entry.values.push({ key, value })
    found.set(name, entry)
  }
  return Array.from(found.values(), ({ entity, values }) => ({ entity: partsOf(entity), values }))
}
