/** Whether what was imported is what the source has: pure. Looked at before an import goes on, and after every doubt. */
import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"

const LIMITS = { maxDecompressedBytes: 512 * 1024 * 1024, maxRecords: 10_000_000 }

const isEqual = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
  a === null || b === null ? a === b : Buffer.compare(a, b) === 0

const isSame = (a: DecodedRecord, b: DecodedRecord): boolean =>
  a.timestamp === b.timestamp &&
  isEqual(a.key, b.key) &&
  isEqual(a.value, b.value) &&
  a.headers.length === b.headers.length &&
  a.headers.every(({ key, value }, i) => key === b.headers[i]!.key && isEqual(value, b.headers[i]!.value))

const recordsOf = (batch: Uint8Array): ReadonlyArray<DecodedRecord> => {
  const records = Batch.decodeRecords(batch, LIMITS)
  if (isKafkaError(records)) throw new RangeError(records.message)
  return records
}

/**
 * The first offset at which they differ, between the start of the source's log and the end of the target's batch; undefined
 * for none. The source may have compacted away what the target still has; of what neither compacts, all is there.
 * `source`: batches as they were to be imported, from the one at or behind the target's on.
 */
export const firstDifference = (
  target: Uint8Array,
  source: ReadonlyArray<Uint8Array>,
  sourceStart: bigint,
  compacted: boolean
): bigint | undefined => {
  const end = Batch.lastOffset(target)
  const [first] = source
  const header = Batch.ATTRIBUTES_AT
  if (
    first !== undefined &&
    Batch.baseOffset(first) === Batch.baseOffset(target) &&
    isEqual(first.subarray(header), target.subarray(header))
  ) {
    return undefined
  }
  const here = new Map(recordsOf(target).map((record) => [record.offset, record]))
  const there = new Map<bigint, DecodedRecord>()
  for (const batch of source) {
    if (Batch.baseOffset(batch) > end) break
    for (const record of recordsOf(batch)) if (record.offset <= end) there.set(record.offset, record)
  }
  for (const [offset, record] of there) {
    const own = here.get(offset)
    if (offset >= Batch.baseOffset(target) && (own === undefined || !isSame(own, record))) return offset
  }
  if (compacted) return undefined
  for (const offset of here.keys()) if (offset >= sourceStart && !there.has(offset)) return offset
  return undefined
}
