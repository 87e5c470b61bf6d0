// Serves: AlterClientQuotas in all versions: checks each, removes what was never set, refuses to set one.
// Left out: quotas.
// Why: nothing here heeds one, and what is told as set has to act.

import { errorCode, errorMessage, InvalidRequest, NONE, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { AlterClientQuotas } from "@tusk/protocol/messages/AlterClientQuotas"
import type { AlterClientQuotasRequest } from "@tusk/protocol/messages/AlterClientQuotas"
import * as Effect from "effect/Effect"
import { authorizeCluster, clusterRefused } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

type Entry = AlterClientQuotasRequest["entries"][number]

/** Quotas of users and clients, and of addresses; `false`: only whole numbers. */
const OF_CLIENTS: ReadonlyMap<string, boolean> = new Map([
  ["producer_byte_rate", false],
  ["consumer_byte_rate", false],
  ["request_percentage", true],
  ["controller_mutation_rate", true]
])
const OF_ADDRESSES: ReadonlyMap<string, boolean> = new Map([["connection_creation_rate", false]])
const TYPES: ReadonlyArray<string> = ["user", "client-id", "ip"]

/** In Kafka's words and order, up to the quota that would have to be kept. */
const problemOf = ({ entity, ops }: Entry): KafkaError | undefined => {
  const invalid = (message: string) => new InvalidRequest({ message })
  const types = new Set<string>()
  for (const { entityType } of entity) {
    if (!TYPES.includes(entityType)) return invalid(`Unhandled client quota entity type: ${entityType}`)
    types.add(entityType)
  }
  if (types.size === 0) return invalid("Invalid empty client quota entity")
  if (types.has("ip") && types.size > 1) {
    return invalid("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId")
  }
  const keys = types.has("ip") ? OF_ADDRESSES : OF_CLIENTS
  for (const { key, remove, value } of ops) {
    if (remove) continue
    const isFraction = keys.get(key)
    if (isFraction === undefined) return invalid(`Invalid configuration key ${key}`)
    if (value <= 0) return invalid(`Quota ${key} must be greater than 0`)
    if (!isFraction && !Number.isInteger(value)) return invalid(`${key} cannot be a fractional value.`)
    return new UnsupportedVersion({ message: `This broker heeds no quotas, so that ${key} cannot be set.` })
  }
  return undefined
}

export const alterClientQuotas = handler({
  api: AlterClientQuotas,
  resources: () => CLUSTER,
  asks: [{ operation: "alterConfigs", resourceType: "cluster" }],
  reads: true,
  make: Effect.succeed(({ entries }: AlterClientQuotasRequest, context: RequestContext) =>
    Effect.map(authorizeCluster(context, "alterConfigs", clusterRefused), () => ({
      entries: entries.map((entry) => {
        const problem = problemOf(entry)
        return {
          errorCode: problem === undefined ? NONE : errorCode(problem),
          errorMessage: problem === undefined ? null : errorMessage(problem),
          entity: entry.entity
        }
      })
    }))
  ),
  refuse: ({ entries }, code, error) => ({
    entries: entries.map(({ entity }) => ({ errorCode: code, errorMessage: errorMessage(error), entity }))
  })
})
