import type { KafkaError } from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { compress } from "./Compression.ts"
import { crc32c } from "./Crc32c.ts"
import { attempt, offsetOf, open, timestampOf } from "./RecordCursor.ts"
import type { DecodeLimits } from "./RecordCursor.ts"
import { VarintWriter } from "./VarintWriter.ts"

/** What compaction looks at in a record. The key is a view. */
export interface KeyedRecord {
  readonly offset: bigint
  readonly key: Uint8Array | null
  /** Its value is null. */
  readonly isTombstone: boolean
}

export interface FilterOptions {
  readonly limits: DecodeLimits
  readonly keep: (record: KeyedRecord) => boolean
  /**
   * When tombstones of this batch may go, in milliseconds: given to a batch that keeps one and has no such time yet
   * (KIP-534).
   */
  readonly deleteHorizon: bigint
}

export interface Filtered {
  /** The very batch that was given where nothing changes; undefined where no record is left. */
  readonly batch: Uint8Array | undefined
  readonly kept: number
  /** The time at which its tombstones may go, where it has any. */
  readonly deleteHorizon: bigint | undefined
}

/** When the tombstones of a batch may go (KIP-534); undefined where that was not set. */
export const deleteHorizonOf = (batch: Uint8Array): bigint | undefined =>
  (batch[H.ATTRIBUTES_AT + 1]! & H.DELETE_HORIZON_MASK) !== 0 ? H.baseTimestamp(batch) : undefined

/** Calls `visit` for each record's key, in order. */
export const visitKeys = (
  batch: Uint8Array,
  limits: DecodeLimits,
  visit: (record: KeyedRecord) => void
): KafkaError | undefined =>
  attempt(() => {
    const cursor = open(batch, limits)
    const base = H.baseOffset(batch)
    while (cursor.advance()) {
      cursor.skipHeaders()
      visit({
        offset: offsetOf(base, cursor),
        key: cursor.slice(cursor.keyAt, cursor.keySize),
        isTombstone: cursor.valueSize < 0
      })
    }
    return undefined
  })

/**
 * A batch without some of its records. Offsets, sequences, times and the codec stay; what is kept is copied byte for
 * byte. A KafkaError where the records cannot be read.
 */
export const filterRecords = (batch: Uint8Array, options: FilterOptions): Filtered | KafkaError =>
  attempt(() => {
    const base = H.baseOffset(batch)
    const baseTime = H.baseTimestamp(batch)
    const isLogAppendTime = H.timestampType(batch) === "LogAppendTime"
    const before = deleteHorizonOf(batch)
    const cursor = open(batch, options.limits)
    const kept: Array<{
      readonly delta: bigint
      readonly start: number
      readonly deltaAt: number
      readonly end: number
    }> = []
    let tombstones = false
    let maxTimestamp: bigint | undefined
    let all = 0
    while (cursor.advance()) {
      cursor.skipHeaders()
      all++
      const isTombstone = cursor.valueSize < 0
      const key = cursor.slice(cursor.keyAt, cursor.keySize)
      if (!options.keep({ offset: offsetOf(base, cursor), key, isTombstone })) continue
      if (isTombstone) tombstones = true
      const timestamp = timestampOf(batch, baseTime, cursor)
      if (maxTimestamp === undefined || timestamp > maxTimestamp) maxTimestamp = timestamp
      kept.push({ delta: cursor.timestampDelta, start: cursor.start, deltaAt: cursor.deltaAt, end: cursor.next })
    }
    const horizon = before ?? (tombstones ? options.deleteHorizon : undefined)
    const told = tombstones ? horizon : undefined
    if (kept.length === all && horizon === before) return { batch, kept: all, deleteHorizon: told }
    if (kept.length === 0) return { batch: undefined, kept: 0, deleteHorizon: undefined }
    const newBase = horizon ?? baseTime
    const writer = new VarintWriter()
    const record = new VarintWriter()
    for (const { delta, deltaAt, end, start } of kept) {
      record.clear()
      record.byte(cursor.bytes[start]!)
      record.varlong(BigInt.asIntN(64, baseTime + delta - newBase))
      record.raw(cursor.bytes.subarray(deltaAt, end))
      writer.nullableBytes(record.bytes())
    }
    const body = compress(H.compressionCodec(batch), writer.bytes())
    const made = new Uint8Array(H.RECORD_BATCH_OVERHEAD + body.byteLength)
    made.set(batch.subarray(0, H.RECORD_BATCH_OVERHEAD))
    made.set(body, H.RECORD_BATCH_OVERHEAD)
    const view = H.viewOf(made)
    view.setInt32(H.LENGTH_AT, made.byteLength - H.LOG_OVERHEAD)
    if (horizon !== undefined) made[H.ATTRIBUTES_AT + 1]! |= H.DELETE_HORIZON_MASK
    view.setBigInt64(27, newBase)
    if (!isLogAppendTime) view.setBigInt64(35, maxTimestamp!)
    view.setInt32(H.COUNT_AT, kept.length)
    view.setUint32(H.CRC_AT, crc32c(made.subarray(H.ATTRIBUTES_AT)))
    return { batch: made, kept: kept.length, deleteHorizon: told }
  })
