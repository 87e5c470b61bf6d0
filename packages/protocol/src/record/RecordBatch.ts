/**
 * Record batches of magic 2: what a Produce holds, a log stores and a Fetch gives. Source: KIP-98, and Kafka 4.3.1's
 * DefaultRecordBatch.
 */
import {
  CorruptMessage,
  InvalidRecord,
  InvalidTimestamp,
  type KafkaError,
  UnsupportedCompressionType
} from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { UNCOMPRESSED, ZSTD } from "./Compression.ts"
import { crc32c } from "./Crc32c.ts"

export * from "./BatchHeader.ts"
export * from "./FilterRecords.ts"
export * from "./LookUp.ts"
export { sealedRecords } from "./RecordCursor.ts"
export * from "./Records.ts"
export * from "./RouteRecords.ts"
export * from "./ValidateRecords.ts"

/** A record of magic 0 cannot be shorter than this; Kafka's first check of a length. */
const LEAST_LENGTH = 14
/** A log ends at or below it: Kafka's offsets are int64. */
const MOST_OFFSETS = 2n ** 63n - 1n
/** Length, attributes, two deltas, key length, value length and header count: a byte each. */
const LEAST_RECORD = 7

/** How record data is cut. */
export interface SplitOptions {
  /** What to do with bytes at the end that are no whole batch: an error, or drop them, as a consumer does. */
  readonly partialTail?: "refuse" | "drop"
}

/**
 * Cuts record data into batches, as views; of magic 0 and 1 each message is one. Only lengths and magic are looked at.
 * CorruptMessage for a length below the least or a magic that is not 0, 1 or 2; InvalidRecord for an incomplete tail
 * (Kafka reads such a Produce as having no batch, and answers the same).
 *
 * @example
 * import { encodeBatch, lastOffset, splitBatches } from "@tusk/protocol/record/RecordBatch"
 *
 * const one = encodeBatch([{ value: Buffer.from("a") }])
 * const two = encodeBatch([{ value: Buffer.from("b") }, { value: null }], { baseOffset: 1n })
 * splitBatches(Buffer.concat([one, two])).map(lastOffset) // [0n, 2n]
 * splitBatches(one.subarray(0, 40))._tag // "InvalidRecord"
 */
export const splitBatches = (records: Uint8Array, options?: SplitOptions): ReadonlyArray<Uint8Array> | KafkaError => {
  const batches: Array<Uint8Array> = []
  const end = records.byteLength
  for (let at = 0; at < end;) {
    const left = end - at
    // The magic byte ends what tells a batch's kind.
    if (left <= H.MAGIC_AT) return partialTail(batches, left, options)
    const length = H.int32At(records, at + H.LENGTH_AT)
    if (length < LEAST_LENGTH) return new CorruptMessage({ message: `A record batch of length ${length}.` })
    const magic = records[at + H.MAGIC_AT]!
    if (magic > 2) return new CorruptMessage({ message: `A record batch of magic ${magic}.` })
    if (length < LEAST_LENGTHS[magic]!) {
      return new CorruptMessage({ message: `A record batch of magic ${magic} and length ${length}.` })
    }
    const size = H.LOG_OVERHEAD + length
    if (size > left) return partialTail(batches, left, options)
    batches.push(at === 0 && size === end ? records : records.subarray(at, at + size))
    at += size
  }
  return batches
}

const LEAST_LENGTHS = [LEAST_LENGTH, LEAST_LENGTH + 8, H.RECORD_BATCH_OVERHEAD - H.LOG_OVERHEAD]

const partialTail = (batches: ReadonlyArray<Uint8Array>, left: number, options?: SplitOptions) =>
  options?.partialTail === "drop"
    ? batches
    : new InvalidRecord({ message: `The record data ends with ${left} bytes that are not a whole record batch.` })

/** Whether the bytes are those the checksum was made of. */
export const isCrcValid = (batch: Uint8Array): boolean => H.crc(batch) === crc32c(batch.subarray(H.ATTRIBUTES_AT))

/** Length, magic and checksum, whoever sends the batch. */
const invalidFrame = (batch: Uint8Array): KafkaError | undefined => {
  if (batch.byteLength <= H.MAGIC_AT) return new CorruptMessage({ message: "A record batch without a header." })
  const magic = H.magic(batch)
  if (magic !== 2) return new InvalidRecord({ message: `Records of magic 2 are taken, not ${magic}.` })
  if (batch.byteLength < H.RECORD_BATCH_OVERHEAD || H.sizeInBytes(batch) !== batch.byteLength) {
    return new CorruptMessage({ message: `A record batch of ${batch.byteLength} bytes whose length does not say so.` })
  }
  return undefined
}

/** Checksum, codec and kind. */
const invalidKind = (batch: Uint8Array): KafkaError | undefined => {
  if (!isCrcValid(batch)) return new CorruptMessage({ message: "The checksum of a record batch is wrong." })
  const codec = H.compressionCodec(batch)
  if (codec > ZSTD) return new UnsupportedCompressionType({ message: `There is no compression codec ${codec}.` })
  if (H.isControl(batch)) return new InvalidRecord({ message: "Clients may not write control records." })
  return undefined
}

const isTooShort = (batch: Uint8Array): boolean =>
  H.compressionCodec(batch) === UNCOMPRESSED &&
  H.recordCount(batch) * LEAST_RECORD > batch.byteLength - H.RECORD_BATCH_OVERHEAD

const tooShort = (batch: Uint8Array): KafkaError =>
  new InvalidRecord({ message: `A record batch too short for its ${H.recordCount(batch)} records.` })

/**
 * What a client may send, as far as header and checksum tell, in the order in which Kafka 4.3.1 looks. InvalidRecord:
 * magic below 2, base offset not 0, control batch, counts that contradict each other, a producer id without sequence.
 * CorruptMessage: length, CRC-32C. InvalidTimestamp: marked LogAppendTime, which only a broker sets.
 * UnsupportedCompressionType: codec 5 to 7. Records are not decoded: see `validateRecords`.
 */
export const validateBatch = (batch: Uint8Array): KafkaError | undefined => {
  const invalid = invalidFrame(batch)
  if (invalid !== undefined) return invalid
  if (H.int32At(batch, 0) !== 0 || H.int32At(batch, 4) !== 0) {
    return new InvalidRecord({ message: `The base offset of a produced batch is 0, not ${H.baseOffset(batch)}.` })
  }
  const wrong = invalidKind(batch)
  if (wrong !== undefined) return wrong
  const count = H.recordCount(batch)
  const spanned = H.lastOffsetDelta(batch) + 1
  if (count <= 0 || spanned !== count) {
    return new InvalidRecord({ message: `A record batch of ${count} records that spans ${spanned} offsets.` })
  }
  if (isTooShort(batch)) return tooShort(batch)
  if (H.hasProducer(batch) && H.baseSequence(batch) < 0) {
    return new InvalidRecord({ message: "A record batch with a producer id needs a sequence number." })
  }
  if (H.timestampType(batch) === "LogAppendTime") {
    return new InvalidTimestamp({ message: "Only the broker sets the timestamp type LogAppendTime." })
  }
  return undefined
}

/**
 * The same of a batch that is imported with the offsets it had elsewhere (`importedTo` of a Produce). It may be what
 * compaction left, without records too, and have a broker's times; it is nobody's: no producer id, no transaction.
 */
export const validateImported = (batch: Uint8Array): KafkaError | undefined => {
  const invalid = invalidFrame(batch) ?? invalidKind(batch)
  if (invalid !== undefined) return invalid
  if (H.producerId(batch) !== -1n || H.isTransactional(batch)) {
    return new InvalidRecord({ message: "An imported record batch has no producer id and no transaction." })
  }
  const [base, delta, count] = [H.baseOffset(batch), H.lastOffsetDelta(batch), H.recordCount(batch)]
  if (base < 0n || delta < 0 || base + BigInt(delta) >= MOST_OFFSETS) {
    return new InvalidRecord({ message: `A record batch of the offsets ${base} to ${base + BigInt(delta)}.` })
  }
  const isSound = count === 0 ? batch.byteLength === H.RECORD_BATCH_OVERHEAD : count > 0 && count <= delta + 1
  if (!isSound) {
    return new InvalidRecord({ message: `A record batch of ${count} records that spans ${delta + 1} offsets.` })
  }
  return isTooShort(batch) ? tooShort(batch) : undefined
}

/** Gives a batch its place in the log. In place; the CRC does not cover these fields. */
export const setOffsets = (batch: Uint8Array, baseOffset: bigint, leaderEpoch: number): void => {
  const view = H.viewOf(batch)
  view.setBigInt64(0, baseOffset)
  view.setInt32(12, leaderEpoch)
}

/** Says that the time of its records is that of their append, which is not known yet. In place; the CRC stays as it was. */
export const announceLogAppendTime = (batch: Uint8Array): void => {
  batch[H.ATTRIBUTES_AT + 1]! |= H.TIMESTAMP_TYPE_MASK
}

/** Stamps all records with the broker's time, in milliseconds. In place; the CRC is made anew. */
export const setLogAppendTime = (batch: Uint8Array, timestamp: bigint): void => {
  announceLogAppendTime(batch)
  H.viewOf(batch).setBigInt64(35, timestamp)
  refreshCrc(batch)
}

/** Makes it nobody's: without producer id and transaction. In place; the CRC is made anew. */
export const clearProducer = (batch: Uint8Array): void => {
  const view = H.viewOf(batch)
  view.setInt16(H.ATTRIBUTES_AT, H.attributes(batch) & ~H.TRANSACTIONAL_MASK)
  view.setBigInt64(43, -1n)
  view.setInt16(51, -1)
  view.setInt32(53, -1)
  refreshCrc(batch)
}

/** Writes the CRC that the batch's bytes have now. */
export const refreshCrc = (batch: Uint8Array): void => {
  H.viewOf(batch).setUint32(H.CRC_AT, crc32c(batch.subarray(H.ATTRIBUTES_AT)))
}
