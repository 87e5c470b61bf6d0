import { InvalidRequest } from "@tusk/protocol/KafkaError"
import type { AlterClientQuotasRequest } from "@tusk/protocol/messages/AlterClientQuotas"
import type { StoredQuota } from "@tusk/storage/port/Security"
import { entityOf, entityProblem, storedOf, toldOf } from "./Entity.ts"
import type { Entity } from "./Entity.ts"
import { CONNECTION, FETCH, MUTATION, PRODUCE, REQUEST } from "./QuotaKinds.ts"

type Entry = AlterClientQuotasRequest["entries"][number]

/** What becomes of one entity of a request. */
export interface Altered {
  readonly entity: Entity
  readonly problem: InvalidRequest | undefined
}

/** A row of the store that comes, changes or, without a value, goes. */
export type Change = Omit<StoredQuota, "value"> & { readonly value: number | undefined }

interface Alteration {
  readonly results: ReadonlyArray<Altered>
  readonly changes: ReadonlyArray<Change>
}

type NumberType = "INT" | "LONG" | "DOUBLE"

const OF_CLIENTS: ReadonlyMap<string, NumberType> = new Map([
  [PRODUCE, "LONG"],
  [FETCH, "LONG"],
  [REQUEST, "DOUBLE"],
  [MUTATION, "DOUBLE"]
])
const OF_ADDRESSES: ReadonlyMap<string, NumberType> = new Map([[CONNECTION, "INT"]])
const GREATEST = { INT: 2 ** 31 - 1, LONG: 2 ** 63, DOUBLE: Infinity }

/** As much of a fraction as Kafka takes for none. */
const FRACTION = 1e-6

/**
 * What a request makes of quotas, as Apache Kafka checks it, in its words: an entity with something wrong changes nothing, the
 * others change. An entity that is named again is refused then, and what was said of it before counts.
 */
export const altered = (entries: ReadonlyArray<Entry>): Alteration => {
  const results = new Map<string, Altered>()
  const changes: Array<Change> = []
  for (const entry of entries) {
    const entity = entityOf(entry.entity)
    const name = toldOf(entity)
    const isTwice = results.has(name) || new Set(entry.ops.map(({ key }) => key)).size < entry.ops.length
    const problem = isTwice
      ? new InvalidRequest({ message: `Ignoring duplicate entity ${name}` })
      : (entityProblem(entity) ?? opsProblem(entity, entry.ops))
    results.set(name, { entity, problem })
    if (problem !== undefined) continue
    const stored = storedOf(entity)
    for (const { key, remove, value } of entry.ops) changes.push({ ...stored, key, value: remove ? undefined : value })
  }
  return { results: Array.from(results.values()), changes }
}

const opsProblem = (entity: Entity, ops: Entry["ops"]): InvalidRequest | undefined => {
  const invalid = (message: string) => new InvalidRequest({ message })
  const types = entity.has("ip") ? OF_ADDRESSES : OF_CLIENTS
  for (const { key, remove, value } of ops) {
    if (remove) continue
    const type = types.get(key)
    if (type === undefined) return invalid(`Invalid configuration key ${key}`)
    if (!(value > 0)) return invalid(`Quota ${key} must be greater than 0`)
    if (type === "DOUBLE") continue
    if (value > GREATEST[type]) {
      return invalid(`Proposed value for ${key} is too large for ${type === "INT" ? "an INT" : "a LONG"}.`)
    }
    if (value % 1 > FRACTION) return invalid(`${key} cannot be a fractional value.`)
  }
  return undefined
}

/** The rows that are there afterwards. */
export const rowsAfter = (
  present: ReadonlyMap<string, StoredQuota>,
  changes: ReadonlyArray<Change>,
  keyOf: (row: StoredQuota) => string
): ReadonlyMap<string, StoredQuota> => {
  const rows = new Map(present)
  for (const { value, ...change } of changes) {
    const row = { ...change, value: value ?? 0 }
    if (value === undefined) rows.delete(keyOf(row))
    else rows.set(keyOf(row), row)
  }
  return rows
}
