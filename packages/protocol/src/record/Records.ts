import { type KafkaError, MessageTooLarge } from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { compress, UNCOMPRESSED } from "./Compression.ts"
import { crc32c } from "./Crc32c.ts"
import { attempt, NO_HEADERS, offsetOf, open, timestampOf } from "./RecordCursor.ts"
import type { DecodeLimits, RecordHeader } from "./RecordCursor.ts"
import { VarintWriter } from "./VarintWriter.ts"

export type { DecodeLimits, RecordHeader } from "./RecordCursor.ts"

/** One record. Key and value are views of the batch, or of its decompressed records. Times in milliseconds. */
export interface DecodedRecord {
  readonly offset: bigint
  readonly timestamp: bigint
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyArray<RecordHeader>
}

/**
 * Calls `visit` for every record in order, until it answers false; what was visited before an error is found has been
 * visited. Memory is that of the decompressed bytes and one record. CRC and header are not checked.
 */
export const visitRecords = (
  batch: Uint8Array,
  limits: DecodeLimits,
  visit: (record: DecodedRecord) => boolean | void
): KafkaError | undefined =>
  attempt(() => {
    const cursor = open(batch, limits)
    const baseOffset = H.baseOffset(batch)
    const baseTimestamp = H.baseTimestamp(batch)
    const most = limits.maxRecords ?? 1_000_000
    let budget = most
    while (cursor.advance()) {
      budget -= 1 + cursor.headerCount
      if (budget < 0) throw new MessageTooLarge({ message: `A batch of more than ${most} records and headers.` })
      const record = {
        offset: offsetOf(baseOffset, cursor),
        timestamp: timestampOf(batch, baseTimestamp, cursor),
        key: cursor.slice(cursor.keyAt, cursor.keySize),
        value: cursor.slice(cursor.valueAt, cursor.valueSize),
        headers: cursor.headers()
      }
      if (visit(record) === false) return undefined
    }
    return undefined
  })

/**
 * All records of a batch. InvalidRecord for records that are malformed or not as many as the header says, CorruptMessage
 * for data that cannot be decompressed, MessageTooLarge beyond the limits, UnsupportedCompressionType for codec 5 to 7.
 */
export const decodeRecords = (batch: Uint8Array, limits: DecodeLimits): ReadonlyArray<DecodedRecord> | KafkaError => {
  const records: Array<DecodedRecord> = []
  const error = visitRecords(batch, limits, (record) => {
    records.push(record)
  })
  return error ?? records
}

/**
 * The batch with these (compressed) records in place of its own. All else of its header stays, but what `change` changes;
 * the CRC is made anew.
 */
export const withRecords = (
  batch: Uint8Array,
  codec: number,
  records: Uint8Array,
  change?: (view: DataView) => void
): Uint8Array => {
  const made = new Uint8Array(H.RECORD_BATCH_OVERHEAD + records.byteLength)
  made.set(batch.subarray(0, H.RECORD_BATCH_OVERHEAD))
  made.set(records, H.RECORD_BATCH_OVERHEAD)
  const view = H.viewOf(made)
  view.setInt32(H.LENGTH_AT, made.byteLength - H.LOG_OVERHEAD)
  made[H.ATTRIBUTES_AT + 1] = (made[H.ATTRIBUTES_AT + 1]! & ~H.CODEC_MASK) | codec
  change?.(view)
  view.setUint32(H.CRC_AT, crc32c(made.subarray(H.ATTRIBUTES_AT)))
  return made
}

/** A record to write; what is left out is null, no headers, and the time of the record before it (0 at first). */
export interface RecordInput {
  /** Used with `offsets: "kept"` only. */
  readonly offset?: bigint
  /** Milliseconds since 1970. */
  readonly timestamp?: bigint
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: ReadonlyArray<RecordHeader>
}

/** The header of a batch to write; what is left out is as a producer that is not idempotent sends it. */
export interface EncodeOptions {
  /** A codec, 0 (none) if not given. */
  readonly compression?: number
  /** 0n, or with `offsets: "kept"` the first record's. */
  readonly baseOffset?: bigint
  /** Offsets one after the other from `baseOffset`, as a producer has them, or those of the records. */
  readonly offsets?: "dense" | "kept"
  /** Beyond the last record if compaction took records away. */
  readonly lastOffset?: bigint
  /** Milliseconds since 1970; the first record's time if not given. */
  readonly baseTimestamp?: bigint
  /** Milliseconds since 1970; the latest record's time if not given. */
  readonly maxTimestamp?: bigint
  /** CreateTime if not given. */
  readonly timestampType?: H.TimestampType
  /** -1 if not given, and so the three below. */
  readonly partitionLeaderEpoch?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
}

/**
 * A batch of magic 2. Throws RangeError for an offset or count that it cannot hold.
 *
 * @example
 * import { decodeRecords, encodeBatch } from "@tusk/protocol/record/RecordBatch"
 *
 * const batch = encodeBatch([{ timestamp: 5n, key: Buffer.from("k") }, { timestamp: 9n }], { baseOffset: 100n })
 * const records = decodeRecords(batch, { maxDecompressedBytes: 1 << 20 })
 * records.map(({ offset, timestamp }) => [offset, timestamp]) // [[100n, 5n], [101n, 9n]]
 * records[0].key.toString() // "k"
 * records[1].value // null
 */
export const encodeBatch = (records: ReadonlyArray<RecordInput>, options: EncodeOptions = {}): Uint8Array => {
  const kept = options.offsets === "kept"
  const baseOffset = options.baseOffset ?? (kept ? (records[0]?.offset ?? 0n) : 0n)
  const baseTimestamp = options.baseTimestamp ?? records[0]?.timestamp ?? (records.length === 0 ? -1n : 0n)
  const writer = new VarintWriter()
  let timestamp = baseTimestamp
  let maxTimestamp = baseTimestamp
  let offsetDelta = -1
  for (const record of records) {
    timestamp = record.timestamp ?? timestamp
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    offsetDelta = kept ? Number((record.offset ?? 0n) - baseOffset) : offsetDelta + 1
    encodeRecord(writer, record, timestamp - baseTimestamp, offsetDelta)
  }
  const lastOffsetDelta = options.lastOffset === undefined ? offsetDelta : Number(options.lastOffset - baseOffset)
  const codec = options.compression ?? UNCOMPRESSED
  const body = records.length === 0 ? writer.bytes() : compress(codec, writer.bytes())
  const batch = new Uint8Array(H.RECORD_BATCH_OVERHEAD + body.byteLength)
  batch.set(body, H.RECORD_BATCH_OVERHEAD)
  const view = H.viewOf(batch)
  view.setBigInt64(0, baseOffset)
  view.setInt32(H.LENGTH_AT, batch.byteLength - H.LOG_OVERHEAD)
  view.setInt32(12, options.partitionLeaderEpoch ?? -1)
  view.setInt8(H.MAGIC_AT, 2)
  const flags =
    (options.timestampType === "LogAppendTime" ? H.TIMESTAMP_TYPE_MASK : 0) |
    (options.isTransactional ? H.TRANSACTIONAL_MASK : 0) |
    (options.isControl ? H.CONTROL_MASK : 0)
  view.setInt16(H.ATTRIBUTES_AT, codec | flags)
  view.setInt32(23, lastOffsetDelta)
  view.setBigInt64(27, baseTimestamp)
  view.setBigInt64(35, options.maxTimestamp ?? maxTimestamp)
  view.setBigInt64(43, options.producerId ?? -1n)
  view.setInt16(51, options.producerEpoch ?? -1)
  view.setInt32(53, options.baseSequence ?? -1)
  view.setInt32(H.COUNT_AT, records.length)
  view.setUint32(H.CRC_AT, crc32c(batch.subarray(H.ATTRIBUTES_AT)))
  return batch
}

const utf8 = new TextEncoder()

/** Writes one record, its size first. */
export const encodeRecord = (
  writer: VarintWriter,
  record: RecordInput,
  timestampDelta: bigint,
  offsetDelta: number
): void => {
  const body = new VarintWriter()
  body.byte(0)
  body.varlong(timestampDelta)
  body.varint(offsetDelta)
  body.nullableBytes(record.key ?? null)
  body.nullableBytes(record.value ?? null)
  const headers = record.headers ?? NO_HEADERS
  body.varint(headers.length)
  for (const { key, value } of headers) {
    body.nullableBytes(utf8.encode(key))
    body.nullableBytes(value)
  }
  writer.nullableBytes(body.bytes())
}
