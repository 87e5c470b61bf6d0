import { partitionForKey } from "@tusk/protocol/record/Murmur2"
import { checkCount, checkKeys } from "./refused.ts"

/** Text, bytes, or null for none. */
export type Bytes = string | Uint8Array | null

/** Headers by name; as a list if a name comes twice. */
export type Headers =
  { readonly [name: string]: Bytes } | ReadonlyArray<{ readonly key: string; readonly value: Bytes }>

/** A record to produce. What is left out is null, and no headers. */
export interface NewRecord {
  readonly key?: Bytes
  readonly value?: Bytes
  readonly headers?: Headers
  /** If nothing is said, by the key's murmur2, as Java's producer does it; records without a key go round. */
  readonly partition?: number
  /** Milliseconds since 1970; the broker's time if nothing is said. */
  readonly timestamp?: number
}

/** As it goes into a batch. */
export interface PlacedRecord {
  readonly partition: number
  readonly timestamp: bigint
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyArray<{ readonly key: string; readonly value: Uint8Array | null }>
}

const RECORD = ["key", "value", "headers", "partition", "timestamp"]

const bytesOf = (what: string, value: Bytes | undefined): Uint8Array | null => {
  if (value === undefined || value === null) return null
  if (typeof value === "string") return Buffer.from(value)
  if (value instanceof Uint8Array) return value
  throw new TypeError(`${what}: text, bytes or null is expected, not ${typeof value}`)
}

const headersOf = (where: string, headers: Headers): PlacedRecord["headers"] =>
  (Array.isArray(headers)
    ? (headers as ReadonlyArray<{ readonly key: string; readonly value: Bytes }>)
    : Object.entries(headers).map(([key, value]) => ({ key, value: value as Bytes }))
  ).map(({ key, value }) => ({ key, value: bytesOf(`${where}.headers.${key}`, value) }))

/** Throws what is wrong with a record. `turn`: where one without a key goes. */
export const placed = (
  where: string,
  record: NewRecord,
  partitions: number,
  nowMs: number,
  turn: () => number
): PlacedRecord => {
  checkKeys(where, record, RECORD)
  const { headers = [], partition, timestamp = nowMs } = record
  checkCount(`${where}.partition`, partition, 0)
  checkCount(`${where}.timestamp`, timestamp, 0)
  if (partition !== undefined && partition >= partitions) {
    throw new RangeError(`${where}.partition: ${partition}, and the topic has ${partitions}`)
  }
  const key = bytesOf(`${where}.key`, record.key)
  return {
    partition: partition ?? (key === null ? turn() % partitions : partitionForKey(key, partitions)),
    timestamp: BigInt(timestamp),
    key,
    value: bytesOf(`${where}.value`, record.value),
    headers: headersOf(where, headers)
  }
}
