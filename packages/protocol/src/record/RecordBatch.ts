import { CorruptMessage, InvalidRecord, UnsupportedCompressionType } from "../KafkaError.ts"
import type { KafkaError } from "../KafkaError.ts"
import { crc32c } from "./Crc32c.ts"

/**
 * A record batch of magic 2 (KIP-98), seen in place: functions over its bytes, which begin at index 0. Nothing is decoded.
 *
 * | at | field | | at | field |
 * |---|---|---|---|---|
 * | 0 | base offset, int64 | | 27 | base timestamp, int64 |
 * | 8 | length behind this field, int32 | | 35 | max timestamp, int64 |
 * | 12 | partition leader epoch, int32 | | 43 | producer id, int64 |
 * | 16 | magic, int8 | | 51 | producer epoch, int16 |
 * | 17 | CRC-32C of all from 21 on | | 53 | base sequence, int32 |
 * | 21 | attributes, int16 | | 57 | count of records, int32 |
 * | 23 | last offset delta, int32 | | 61 | records |
 */
export const RECORD_BATCH_OVERHEAD = 61
/** What stands before the length, and the length. */
export const LOG_OVERHEAD = 12

const MAGIC = 16
const CRC = 17
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const BASE_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER_ID = 43
const PRODUCER_EPOCH = 51
const BASE_SEQUENCE = 53
const RECORD_COUNT = 57

export type CompressionCodec = 0 | 1 | 2 | 3 | 4
export const NO_COMPRESSION = 0
export const GZIP = 1
export const SNAPPY = 2
export const LZ4 = 3
export const ZSTD = 4

const int32 = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!

const int64 = (b: Uint8Array, at: number): bigint => {
  const high = int32(b, at)
  const low = int32(b, at + 4) >>> 0
  return high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low)
}

const putInt32 = (b: Uint8Array, at: number, value: number): void => {
  b[at] = value >> 24
  b[at + 1] = value >> 16
  b[at + 2] = value >> 8
  b[at + 3] = value
}

const putInt64 = (b: Uint8Array, at: number, value: bigint): void => {
  putInt32(b, at, Number(value >> 32n))
  putInt32(b, at + 4, Number(value & 0xffffffffn) | 0)
}

export const baseOffset = (batch: Uint8Array): bigint => int64(batch, 0)
/** Bytes of the whole batch, as its header says. */
export const sizeInBytes = (batch: Uint8Array): number => int32(batch, 8) + LOG_OVERHEAD
export const partitionLeaderEpoch = (batch: Uint8Array): number => int32(batch, 12)
export const magic = (batch: Uint8Array): number => (batch[MAGIC]! << 24) >> 24
export const crc = (batch: Uint8Array): number => int32(batch, CRC) >>> 0
export const attributes = (batch: Uint8Array): number => (batch[ATTRIBUTES]! << 8) | batch[ATTRIBUTES + 1]!
/** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; above that unknown. */
export const compressionCodec = (batch: Uint8Array): number => batch[ATTRIBUTES + 1]! & 0x07
export const isLogAppendTime = (batch: Uint8Array): boolean => (batch[ATTRIBUTES + 1]! & 0x08) !== 0
export const isTransactional = (batch: Uint8Array): boolean => (batch[ATTRIBUTES + 1]! & 0x10) !== 0
export const isControl = (batch: Uint8Array): boolean => (batch[ATTRIBUTES + 1]! & 0x20) !== 0
/** KIP-534: the base timestamp is when a tombstone may go. */
export const hasDeleteHorizon = (batch: Uint8Array): boolean => (batch[ATTRIBUTES + 1]! & 0x40) !== 0
export const lastOffsetDelta = (batch: Uint8Array): number => int32(batch, LAST_OFFSET_DELTA)
export const lastOffset = (batch: Uint8Array): bigint => baseOffset(batch) + BigInt(lastOffsetDelta(batch))
export const baseTimestamp = (batch: Uint8Array): bigint => int64(batch, BASE_TIMESTAMP)
export const maxTimestamp = (batch: Uint8Array): bigint => int64(batch, MAX_TIMESTAMP)
/** -1: not from an idempotent producer. */
export const producerId = (batch: Uint8Array): bigint => int64(batch, PRODUCER_ID)
export const producerEpoch = (batch: Uint8Array): number =>
  (((batch[PRODUCER_EPOCH]! << 8) | batch[PRODUCER_EPOCH + 1]!) << 16) >> 16
export const baseSequence = (batch: Uint8Array): number => int32(batch, BASE_SEQUENCE)
export const recordCount = (batch: Uint8Array): number => int32(batch, RECORD_COUNT)

/** The last record's sequence; sequences go on at 0 past 2^31-1. -1 without a producer id. */
export const lastSequence = (batch: Uint8Array): number => {
  const first = baseSequence(batch)
  if (first < 0) return -1
  const last = first + lastOffsetDelta(batch)
  return last > 0x7fffffff ? last - 0x80000000 : last
}

/** Gives the batch its place in a partition. Both fields lie outside the checksum. */
export const setOffsets = (batch: Uint8Array, offset: bigint, leaderEpoch: number): void => {
  putInt64(batch, 0, offset)
  putInt32(batch, 12, leaderEpoch)
}

/** Stamps all records with one time, milliseconds; the checksum is made anew. */
export const setLogAppendTime = (batch: Uint8Array, timestampMs: bigint): void => {
  batch[ATTRIBUTES + 1] = batch[ATTRIBUTES + 1]! | 0x08
  putInt64(batch, MAX_TIMESTAMP, timestampMs)
  setCrc(batch)
}

export const setCrc = (batch: Uint8Array): void => {
  putInt32(batch, CRC, crc32c(batch.subarray(ATTRIBUTES)) | 0)
}

/**
 * Cuts a buffer into its batches, views on it. `CorruptMessage`: a length below the header's. `InvalidRecord`: an older
 * magic, or bytes at the end that are no whole batch.
 */
export const splitBatches = (records: Uint8Array): ReadonlyArray<Uint8Array> | KafkaError => {
  const batches: Array<Uint8Array> = []
  let at = 0
  while (at < records.byteLength) {
    const left = records.byteLength - at
    if (left < LOG_OVERHEAD + 5) return new InvalidRecord({ message: `${left} bytes at the end are no record batch.` })
    const version = records[at + MAGIC]!
    if (version < 2) {
      return new InvalidRecord({ message: `Record batches are of magic 2 in this version, not ${version}.` })
    }
    if (version > 2) return new CorruptMessage({ message: `There is no record batch of magic ${version}.` })
    const size = int32(records, at + 8) + LOG_OVERHEAD
    if (size < RECORD_BATCH_OVERHEAD) {
      return new CorruptMessage({ message: `A record batch of ${size} bytes is shorter than its header.` })
    }
    if (size > left) return new InvalidRecord({ message: `A record batch of ${size} bytes is cut off after ${left}.` })
    batches.push(records.subarray(at, at + size))
    at += size
  }
  return batches
}

/**
 * What is wrong with a batch that a client sent, as far as header and checksum tell; undefined if nothing is.
 * `CorruptMessage`: length or CRC-32C. `UnsupportedCompressionType`. `InvalidRecord`: all else.
 */
export const validateBatch = (batch: Uint8Array): KafkaError | undefined => {
  if (batch.byteLength < RECORD_BATCH_OVERHEAD || sizeInBytes(batch) !== batch.byteLength) {
    return new CorruptMessage({ message: `The record batch is not as long as it says.` })
  }
  if (magic(batch) !== 2) return new InvalidRecord({ message: `Record batches are of magic 2, not ${magic(batch)}.` })
  const computed = crc32c(batch.subarray(ATTRIBUTES))
  if (computed !== crc(batch)) {
    return new CorruptMessage({
      message: `Record batch is corrupt: stored crc ${crc(batch)}, computed crc ${computed}.`
    })
  }
  const count = recordCount(batch)
  if (count <= 0 || lastOffsetDelta(batch) !== count - 1) {
    return new InvalidRecord({
      message: `The batch counts ${count} records, its last offset delta is ${lastOffsetDelta(batch)}.`
    })
  }
  if (compressionCodec(batch) > ZSTD) {
    return new UnsupportedCompressionType({ message: `There is no compression type ${compressionCodec(batch)}.` })
  }
  if (isControl(batch)) return new InvalidRecord({ message: "Clients are not allowed to write control records." })
  const hasProducer = producerId(batch) >= 0n
  if (hasProducer && (baseSequence(batch) < 0 || producerEpoch(batch) < 0)) {
    return new InvalidRecord({
      message: `Sequence ${baseSequence(batch)} and epoch ${producerEpoch(batch)} do not go with a producer id.`
    })
  }
  if (!hasProducer && isTransactional(batch)) {
    return new InvalidRecord({ message: "A transactional batch has no producer id." })
  }
  return undefined
}
