/**
 * The header of a record batch of magic 2, read and patched where it lies. Every function takes a whole batch, as
 * `splitBatches` gives it; nothing is copied. The layout is that of KIP-98.
 */

/** Bytes before the first record. */
export const RECORD_BATCH_OVERHEAD = 61
/** Bytes of the base offset and the length, which the length does not count. */
export const LOG_OVERHEAD = 12

export const LENGTH_AT = 8
export const MAGIC_AT = 16
export const CRC_AT = 17
/** The CRC covers all from here on. */
export const ATTRIBUTES_AT = 21
export const COUNT_AT = 57

export const CODEC_MASK = 0x07
export const TIMESTAMP_TYPE_MASK = 0x08
export const TRANSACTIONAL_MASK = 0x10
export const CONTROL_MASK = 0x20
/** The base timestamp is the time at which tombstones may go (KIP-534). */
export const DELETE_HORIZON_MASK = 0x40

export type TimestampType = "CreateTime" | "LogAppendTime"

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const int32At = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!
const int16At = (b: Uint8Array, at: number): number => ((b[at]! << 24) >> 16) | b[at + 1]!

export const baseOffset = (batch: Uint8Array): bigint => viewOf(batch).getBigInt64(0)
/** The length field: what follows it, so 12 less than `sizeInBytes`. */
export const batchLength = (batch: Uint8Array): number => int32At(batch, LENGTH_AT)
/** Bytes of the whole batch. */
export const sizeInBytes = (batch: Uint8Array): number => LOG_OVERHEAD + batchLength(batch)
export const partitionLeaderEpoch = (batch: Uint8Array): number => int32At(batch, 12)
export const magic = (batch: Uint8Array): number => (batch[MAGIC_AT]! << 24) >> 24
/** The stored CRC-32C, unsigned. */
export const crc = (batch: Uint8Array): number => int32At(batch, CRC_AT) >>> 0
export const attributes = (batch: Uint8Array): number => int16At(batch, ATTRIBUTES_AT)
/** The number of a codec, 0 to 7, as `Compression.ts` names it. */
export const compressionCodec = (batch: Uint8Array): number => batch[ATTRIBUTES_AT + 1]! & CODEC_MASK
export const timestampType = (batch: Uint8Array): TimestampType =>
  batch[ATTRIBUTES_AT + 1]! & TIMESTAMP_TYPE_MASK ? "LogAppendTime" : "CreateTime"
export const isTransactional = (batch: Uint8Array): boolean => (batch[ATTRIBUTES_AT + 1]! & TRANSACTIONAL_MASK) !== 0
export const isControl = (batch: Uint8Array): boolean => (batch[ATTRIBUTES_AT + 1]! & CONTROL_MASK) !== 0
export const lastOffsetDelta = (batch: Uint8Array): number => int32At(batch, 23)
export const baseTimestamp = (batch: Uint8Array): bigint => viewOf(batch).getBigInt64(27)
export const maxTimestamp = (batch: Uint8Array): bigint => viewOf(batch).getBigInt64(35)
/** -1n where the producer is not idempotent. */
export const producerId = (batch: Uint8Array): bigint => viewOf(batch).getBigInt64(43)
export const producerEpoch = (batch: Uint8Array): number => int16At(batch, 51)
export const baseSequence = (batch: Uint8Array): number => int32At(batch, 53)
/** Records in the batch, as the header says; after compaction fewer than the offsets it spans. */
export const recordCount = (batch: Uint8Array): number => int32At(batch, COUNT_AT)
export const lastOffset = (batch: Uint8Array): bigint => baseOffset(batch) + BigInt(lastOffsetDelta(batch))

/** `sequence + by`, going on at 0 after 2^31-1, as sequence numbers do. */
export const advanceSequence = (sequence: number, by: number): number => (sequence + by) % 0x80000000

/** The sequence of the last record, -1 where the producer has none. */
export const lastSequence = (batch: Uint8Array): number => {
  const first = baseSequence(batch)
  return first < 0 ? -1 : advanceSequence(first, lastOffsetDelta(batch))
}
