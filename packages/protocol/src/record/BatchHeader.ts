/**
 * The header of a record batch of magic 2, read and patched where it lies. Every function takes a whole batch, as
 * `splitBatches` gives it; nothing is copied. The layout is that of KIP-98.
 */

/** Bytes before the first record. */
export const RECORD_BATCH_OVERHEAD = 61
/** Bytes of the base offset and the length, which the length does not count. */
export const LOG_OVERHEAD = 12

/** Where the length begins, an int32: of all that follows it. */
export const LENGTH_AT = 8
/** Where the magic is, an int8. It is there in message sets too. */
export const MAGIC_AT = 16
/** Where the CRC-32C begins, a uint32. */
export const CRC_AT = 17
/** The CRC covers all from here on. */
export const ATTRIBUTES_AT = 21
/** Where the number of records begins, an int32. */
export const COUNT_AT = 57

/** Bits of the attributes: the codec, as `Compression.ts` numbers it. */
export const CODEC_MASK = 0x07
/** Bit of the attributes: set for LogAppendTime. */
export const TIMESTAMP_TYPE_MASK = 0x08
/** Bit of the attributes: the batch belongs to a transaction. */
export const TRANSACTIONAL_MASK = 0x10
/** Bit of the attributes: the batch holds control records. */
export const CONTROL_MASK = 0x20
/** The base timestamp is the time at which tombstones may go (KIP-534). */
export const DELETE_HORIZON_MASK = 0x40

/** What sets the times of records: the producer, or the broker (KIP-32). */
export type TimestampType = "CreateTime" | "LogAppendTime"

/** A view of the same bytes, for numbers of several bytes. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The int32 that begins there, which has to lie within. */
export const int32At = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!
const int16At = (b: Uint8Array, at: number): number => ((b[at]! << 24) >> 16) | b[at + 1]!
/** A view costs more than to put it together (93 against 45 ns), and a request reads several. */
const int64At = (b: Uint8Array, at: number): bigint =>
  BigInt.asIntN(64, (BigInt(int32At(b, at)) << 32n) | BigInt(int32At(b, at + 4) >>> 0))

/** The offset from which the records' offsets count. */
export const baseOffset = (batch: Uint8Array): bigint => int64At(batch, 0)
/** The length field: what follows it, so 12 less than `sizeInBytes`. */
export const batchLength = (batch: Uint8Array): number => int32At(batch, LENGTH_AT)
/** Bytes of the whole batch. */
export const sizeInBytes = (batch: Uint8Array): number => LOG_OVERHEAD + batchLength(batch)
/** The epoch of the leader that appended the batch; -1 as a producer sends it. */
export const partitionLeaderEpoch = (batch: Uint8Array): number => int32At(batch, 12)
/** The format: 2 for a record batch, 0 and 1 for messages of message sets. */
export const magic = (batch: Uint8Array): number => (batch[MAGIC_AT]! << 24) >> 24
/** The stored CRC-32C, unsigned. */
export const crc = (batch: Uint8Array): number => int32At(batch, CRC_AT) >>> 0
/** All 16 bits of the attributes. */
export const attributes = (batch: Uint8Array): number => int16At(batch, ATTRIBUTES_AT)
/** The number of a codec, 0 to 7, as `Compression.ts` names it. */
export const compressionCodec = (batch: Uint8Array): number => batch[ATTRIBUTES_AT + 1]! & CODEC_MASK
/** What set the times of the records. */
export const timestampType = (batch: Uint8Array): TimestampType =>
  batch[ATTRIBUTES_AT + 1]! & TIMESTAMP_TYPE_MASK ? "LogAppendTime" : "CreateTime"
/** Whether the batch belongs to a transaction (KIP-98). */
export const isTransactional = (batch: Uint8Array): boolean => (batch[ATTRIBUTES_AT + 1]! & TRANSACTIONAL_MASK) !== 0
/** Whether the batch holds control records, which no consumer is given (KIP-98). */
export const isControl = (batch: Uint8Array): boolean => (batch[ATTRIBUTES_AT + 1]! & CONTROL_MASK) !== 0
/** How far the last offset lies behind the base offset. Compaction leaves it as it was. */
export const lastOffsetDelta = (batch: Uint8Array): number => int32At(batch, 23)
/** The time from which the records' times count, in milliseconds since 1970. */
export const baseTimestamp = (batch: Uint8Array): bigint => int64At(batch, 27)
/** The latest time in the batch, in milliseconds since 1970; -1n for none. */
export const maxTimestamp = (batch: Uint8Array): bigint => int64At(batch, 35)
/** Whether the producer is idempotent: it has an id. */
export const hasProducer = (batch: Uint8Array): boolean => int32At(batch, 43) >= 0
/** -1n if the producer is not idempotent. */
export const producerId = (batch: Uint8Array): bigint => int64At(batch, 43)
/** The epoch of the producer id; -1 if the producer is not idempotent. */
export const producerEpoch = (batch: Uint8Array): number => int16At(batch, 51)
/** The sequence number of the first record; -1 if the producer is not idempotent. */
export const baseSequence = (batch: Uint8Array): number => int32At(batch, 53)
/** Records in the batch, as the header says; after compaction fewer than the offsets it spans. */
export const recordCount = (batch: Uint8Array): number => int32At(batch, COUNT_AT)
/** The offset of the last record that the batch had when it was appended. */
export const lastOffset = (batch: Uint8Array): bigint => baseOffset(batch) + BigInt(lastOffsetDelta(batch))

/** `sequence + by`, going on at 0 after 2^31-1, as sequence numbers do. */
export const advanceSequence = (sequence: number, by: number): number => (sequence + by) % 0x80000000

/** The sequence of the last record, -1 if the producer has none. */
export const lastSequence = (batch: Uint8Array): number => {
  const first = baseSequence(batch)
  return first < 0 ? -1 : advanceSequence(first, lastOffsetDelta(batch))
}
