import type { KafkaError } from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { UNCOMPRESSED } from "./Compression.ts"
import { attemptSteps, offsetOf, RecordCursor, STRIDE, timestampOf } from "./RecordCursor.ts"
import { withRecords } from "./Records.ts"
import type { Steps } from "./Steps.ts"
import { VarintWriter } from "./VarintWriter.ts"

/** What compaction looks at in a record. The key is a view. */
export interface KeyedRecord {
  readonly offset: bigint
  readonly key: Uint8Array | null
  /** Its value is null. */
  readonly isTombstone: boolean
}

/** What is kept of a batch. */
export interface FilterOptions {
  readonly keep: (record: KeyedRecord) => boolean
  /**
   * When tombstones of this batch may go, in milliseconds: given to a batch that keeps one and has no such time yet
   * (KIP-534). Undefined: a batch without such a time stays without.
   */
  readonly deleteHorizon: bigint | undefined
}

/** What is left of a batch. */
export interface Filtered {
  /** The very batch that was given if nothing changes; undefined if no record is left. */
  readonly batch: Uint8Array | undefined
  readonly kept: number
  /** The time at which its tombstones may go, if it has any. */
  readonly deleteHorizon: bigint | undefined
}

/** What is left still lacks its compression: `remade` makes the batch of what that gives. */
export type Sifted =
  | Filtered
  | (Omit<Filtered, "batch"> & {
      readonly records: Uint8Array
      readonly remade: (compressed: Uint8Array) => Uint8Array
    })

/** When the tombstones of a batch may go (KIP-534); undefined if that was not set. */
export const deleteHorizonOf = (batch: Uint8Array): bigint | undefined =>
  (batch[H.ATTRIBUTES_AT + 1]! & H.DELETE_HORIZON_MASK) !== 0 ? H.baseTimestamp(batch) : undefined

/** A marker's batch with the time at which it may go (KIP-534); the record's own time stays. */
export const withDeleteHorizon = (batch: Uint8Array, deleteHorizon: bigint): Uint8Array => {
  const records = batch.subarray(H.RECORD_BATCH_OVERHEAD)
  const cursor = new RecordCursor(records, H.recordCount(batch))
  const writer = new VarintWriter(records.byteLength + 10)
  const head = new VarintWriter()
  while (cursor.advance()) {
    cursor.skipHeaders()
    rebase(writer, head, cursor, H.baseTimestamp(batch) - deleteHorizon)
  }
  return withRecords(batch, H.compressionCodec(batch), writer.bytes(), (view) => {
    view.setInt16(H.ATTRIBUTES_AT, H.attributes(batch) | H.DELETE_HORIZON_MASK)
    view.setBigInt64(27, deleteHorizon)
  })
}

/** A batch of which no record is left, and all else: where it lies, its producer, its sequences. */
export const emptied = (batch: Uint8Array): Uint8Array =>
  withRecords(batch, UNCOMPRESSED, new Uint8Array(0), (view) => view.setInt32(H.COUNT_AT, 0))

/** Copies a record; its time then counts from another base. */
const rebase = (writer: VarintWriter, head: VarintWriter, cursor: RecordCursor, by: bigint): void => {
  head.clear()
  head.byte(cursor.bytes[cursor.start]!)
  head.varlong(BigInt.asIntN(64, cursor.timestampDelta + by))
  writer.varint(head.bytes().byteLength + cursor.next - cursor.deltaAt)
  writer.raw(head.bytes())
  writer.raw(cursor.bytes.subarray(cursor.deltaAt, cursor.next))
}

/** Calls `visit` for each record's key, in order. */
export const keySteps = (
  batch: Uint8Array,
  records: Uint8Array,
  visit: (record: KeyedRecord) => void
): Steps<KafkaError | undefined> => attemptSteps(visitKeys(batch, records, visit))

function* visitKeys(batch: Uint8Array, records: Uint8Array, visit: (record: KeyedRecord) => void): Steps<undefined> {
  const cursor = new RecordCursor(records, H.recordCount(batch))
  const base = H.baseOffset(batch)
  let yielded = 0
  while (cursor.advance()) {
    cursor.skipHeaders()
    visit(keyedOf(base, cursor))
    if (cursor.at - yielded >= STRIDE) yield (yielded = cursor.at)
  }
}

const keyedOf = (base: bigint, cursor: RecordCursor): KeyedRecord => ({
  offset: offsetOf(base, cursor),
  key: cursor.slice(cursor.keyAt, cursor.keySize),
  isTombstone: cursor.valueSize < 0
})

/**
 * A batch without some of its records. Offsets, sequences, times and the codec stay; what is kept is copied byte for
 * byte. A KafkaError if the records cannot be read.
 */
export const filterSteps = (
  batch: Uint8Array,
  records: Uint8Array,
  options: FilterOptions
): Steps<Sifted | KafkaError> => attemptSteps(filter(batch, records, options))

function* filter(batch: Uint8Array, records: Uint8Array, options: FilterOptions): Steps<Sifted> {
  const before = deleteHorizonOf(batch)
  const { count, kept, keptBytes, latest, tombstones } = yield* sift(batch, records, options.keep)
  const horizon = before ?? (tombstones ? options.deleteHorizon : undefined)
  const deleteHorizon = tombstones ? horizon : undefined
  if (count === 0) return { batch: undefined, kept: 0, deleteHorizon: undefined }
  if (count === H.recordCount(batch) && horizon === before) return { batch, kept: count, deleteHorizon }
  const newBase = horizon ?? H.baseTimestamp(batch)
  const left = yield* copied(batch, records, kept, keptBytes, newBase)
  const remade = (compressed: Uint8Array): Uint8Array =>
    withRecords(batch, H.compressionCodec(batch), compressed, (view) => {
      if (horizon !== undefined) view.setInt16(H.ATTRIBUTES_AT, H.attributes(batch) | H.DELETE_HORIZON_MASK)
      view.setBigInt64(27, newBase)
      if (H.timestampType(batch) === "CreateTime") view.setBigInt64(35, latest)
      view.setInt32(H.COUNT_AT, count)
    })
  return { records: left, remade, kept: count, deleteHorizon }
}

/** Which records are kept, a bit each: a batch may hold millions of them. */
function* sift(batch: Uint8Array, records: Uint8Array, keep: FilterOptions["keep"]) {
  const base = H.baseOffset(batch)
  const baseTime = H.baseTimestamp(batch)
  const cursor = new RecordCursor(records, H.recordCount(batch))
  // No record takes less than a byte, however many the header says there are.
  const kept = new Uint8Array((Math.min(H.recordCount(batch), records.byteLength) >> 3) + 1)
  let [count, keptBytes, tombstones, latest] = [0, 0, false, -1n]
  let yielded = 0
  for (let index = 0; cursor.advance(); index++) {
    cursor.skipHeaders()
    if (cursor.at - yielded >= STRIDE) yield (yielded = cursor.at)
    if (!keep(keyedOf(base, cursor))) continue
    kept[index >> 3]! |= 1 << (index & 7)
    keptBytes += cursor.next - cursor.start
    if (cursor.valueSize < 0) tombstones = true
    const timestamp = timestampOf(batch, baseTime, cursor)
    if (count++ === 0 || timestamp > latest) latest = timestamp
  }
  return { kept, count, keptBytes, tombstones, latest }
}

/** The kept records, with times that count from `newBase`. */
function* copied(batch: Uint8Array, records: Uint8Array, kept: Uint8Array, keptBytes: number, newBase: bigint) {
  const baseTime = H.baseTimestamp(batch)
  const cursor = new RecordCursor(records, H.recordCount(batch))
  const writer = new VarintWriter(keptBytes)
  const head = new VarintWriter()
  let yielded = 0
  for (let index = 0; cursor.advance(); index++) {
    cursor.skipHeaders()
    if (cursor.at - yielded >= STRIDE) yield records.byteLength + (yielded = cursor.at)
    if ((kept[index >> 3]! & (1 << (index & 7))) === 0) continue
    rebase(writer, head, cursor, baseTime - newBase)
  }
  return writer.bytes()
}
