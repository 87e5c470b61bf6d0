/** Message sets of magic 0 and 1. Source: Kafka 4.3.1's LegacyRecord; KIP-32 for times, KIP-31 for offsets inside. */
import { createRequire } from "node:module"
import {
  CorruptMessage,
  InvalidRecord,
  type KafkaError,
  MessageTooLarge,
  UnsupportedCompressionType
} from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { compress, decompress, UNCOMPRESSED, ZSTD } from "./Compression.ts"
import type { DecodedRecord, DecodeLimits, RecordInput } from "./Records.ts"
import { splitBatches } from "./RecordBatch.ts"

/** Message sets of magic 0 and 1: what Kafka had before record batches, and Fetch 0 to 3 still answers. */
export type OldMagic = 0 | 1

/** CRC-32, unsigned: the checksum of a message. `before`: that of the bytes in front of these. */
export const crc32 = (bytes: Uint8Array, before = 0): number =>
  (createRequire(import.meta.url)("node:zlib") as typeof import("node:zlib")).crc32(bytes, before)

/** Where a message's CRC begins, a uint32. */
export const CRC_AT = 12
/** Where a message's attributes are, an int8. */
export const OLD_ATTRIBUTES_AT = 17
/** The only time that a message of magic 0 has. */
export const NO_TIMESTAMP = -1n

/** One outer message: a record, or a compressed set of them. */
export interface Message {
  readonly magic: OldMagic
  readonly codec: number
  readonly timestampType: H.TimestampType | "NoTimestampType"
  /** That of the outer message: for a compressed set the offset of its last record. */
  readonly offset: bigint
  /** The outer message's; -1n in magic 0. */
  readonly timestamp: bigint
  readonly crc: number
  /** Without headers, which these magics lack. */
  readonly records: ReadonlyArray<DecodedRecord>
}

/**
 * Reads one message as `splitBatches` cuts it, with the records inside if it is compressed. CorruptMessage for a wrong
 * checksum or data that cannot be decompressed, InvalidRecord for a malformed message, MessageTooLarge beyond the limits.
 */
export const readMessage = (bytes: Uint8Array, limits: DecodeLimits): Message | KafkaError => {
  const outer = readOne(bytes)
  if ("_tag" in outer) return outer
  if (outer.codec === UNCOMPRESSED) return { ...outer, records: [outer.record] }
  if (outer.codec >= ZSTD) {
    return new UnsupportedCompressionType({ message: `Magic ${outer.magic} has no compression codec ${outer.codec}.` })
  }
  if (outer.record.value === null) return new InvalidRecord({ message: "A compressed message without a value." })
  const inner = decompress(outer.codec, outer.record.value, limits, outer.magic)
  if (!(inner instanceof Uint8Array)) return inner
  const messages = splitBatches(inner)
  if ("_tag" in messages) return messages
  if (messages.length === 0) return new InvalidRecord({ message: "A compressed message with nothing in it." })
  const most = limits.maxRecords ?? 1_000_000
  if (messages.length > most) return new MessageTooLarge({ message: `A message set of more than ${most} records.` })
  const records: Array<DecodedRecord> = []
  for (const message of messages) {
    const one = readOne(message)
    if ("_tag" in one) return one
    if (one.magic !== outer.magic || one.codec !== UNCOMPRESSED) {
      return new InvalidRecord({ message: `A message of magic ${one.magic} and codec ${one.codec} inside another.` })
    }
    records.push(one.record)
  }
  return { ...outer, records: outer.magic === 0 ? records : absolute(records, outer) }
}

/** Magic 1 counts inner offsets from the first record; the outer one is the last's. LogAppendTime is the outer one's. */
const absolute = (records: ReadonlyArray<DecodedRecord>, outer: Outer): ReadonlyArray<DecodedRecord> => {
  const base = outer.offset - records[records.length - 1]!.offset
  return records.map((record) => ({
    ...record,
    offset: BigInt.asIntN(64, base + record.offset),
    timestamp: outer.timestampType === "LogAppendTime" ? outer.timestamp : record.timestamp
  }))
}

interface Outer extends Omit<Message, "records"> {
  readonly record: DecodedRecord
}

const readOne = (bytes: Uint8Array): Outer | KafkaError => {
  const magic = bytes[H.MAGIC_AT]
  if (magic !== 0 && magic !== 1) return new InvalidRecord({ message: `A message of magic ${magic}.` })
  const keyAt = magic === 0 ? 18 : 26
  if (bytes.byteLength < keyAt + 8) return new CorruptMessage({ message: "A message shorter than its header." })
  const view = H.viewOf(bytes)
  const crc = view.getUint32(CRC_AT)
  if (crc !== crc32(bytes.subarray(H.MAGIC_AT))) {
    return new CorruptMessage({ message: "The checksum of a message is wrong." })
  }
  const attributes = bytes[OLD_ATTRIBUTES_AT]!
  const keySize = view.getInt32(keyAt)
  const valueSizeAt = keyAt + 4 + Math.max(0, keySize)
  if (valueSizeAt + 4 > bytes.byteLength) return new InvalidRecord({ message: "A message whose key is cut short." })
  const valueSize = view.getInt32(valueSizeAt)
  const end = valueSizeAt + 4 + Math.max(0, valueSize)
  if (end !== bytes.byteLength) return new InvalidRecord({ message: "A message whose value does not fill its size." })
  const timestamp = magic === 0 ? NO_TIMESTAMP : view.getBigInt64(18)
  const offset = view.getBigInt64(0)
  return {
    magic,
    codec: attributes & H.CODEC_MASK,
    timestampType:
      magic === 0 ? "NoTimestampType" : attributes & H.TIMESTAMP_TYPE_MASK ? "LogAppendTime" : "CreateTime",
    offset,
    timestamp,
    crc,
    record: {
      offset,
      timestamp,
      key: keySize < 0 ? null : bytes.subarray(keyAt + 4, valueSizeAt),
      value: valueSize < 0 ? null : bytes.subarray(valueSizeAt + 4, end),
      headers: []
    }
  }
}

/** All records of a message set; errors as of `splitBatches` and `readMessage`. */
export const readMessageSet = (bytes: Uint8Array, limits: DecodeLimits): ReadonlyArray<DecodedRecord> | KafkaError => {
  const messages = splitBatches(bytes)
  if ("_tag" in messages) return messages
  const records: Array<DecodedRecord> = []
  for (const one of messages) {
    const message = readMessage(one, limits)
    if ("_tag" in message) return message
    for (const record of message.records) records.push(record)
  }
  return records
}

/** How a message set is written. */
export interface MessageSetOptions {
  readonly magic: OldMagic
  /** A codec, 0 to 3, 0 if not given: these magics never had zstd. */
  readonly compression?: number
  /** CreateTime if not given. Magic 0 has no times. */
  readonly timestampType?: H.TimestampType
  /** LogAppendTime's, for all records. */
  readonly logAppendTime?: bigint
}

/**
 * Writes records (with their offsets, which rise) as a message each, or, compressed, as one message around all. Headers
 * are dropped.
 *
 * @example
 * import { readMessageSet, writeMessageSet } from "@tusk/protocol/record/MessageSet"
 *
 * const set = writeMessageSet([{ offset: 7n, timestamp: 5n, value: Buffer.from("a") }], { magic: 1 })
 * const [record] = readMessageSet(set, { maxDecompressedBytes: 1 << 20 })
 * record.offset // 7n
 * record.timestamp // 5n
 * record.key // null
 */
export const writeMessageSet = (records: ReadonlyArray<RecordInput>, options: MessageSetOptions): Uint8Array => {
  const { magic } = options
  const codec = options.compression ?? UNCOMPRESSED
  if (records.length === 0) return new Uint8Array(0)
  const logAppend = magic === 1 && options.timestampType === "LogAppendTime"
  const type = logAppend ? H.TIMESTAMP_TYPE_MASK : 0
  // Inside a compressed message of magic 1 offsets count from the first record.
  const base = magic === 1 && codec !== UNCOMPRESSED ? (records[0]!.offset ?? 0n) : 0n
  let latest = NO_TIMESTAMP
  const inner = records.map((record) => {
    const timestamp = logAppend ? (options.logAppendTime ?? NO_TIMESTAMP) : (record.timestamp ?? NO_TIMESTAMP)
    if (timestamp > latest) latest = timestamp
    return writeOne(magic, type, (record.offset ?? 0n) - base, timestamp, record.key ?? null, record.value ?? null)
  })
  const set = Buffer.concat(inner)
  if (codec === UNCOMPRESSED) return set
  const last = records[records.length - 1]!.offset ?? 0n
  return writeOne(magic, type | codec, last, latest, null, compress(codec, set, magic))
}

/** One message, with its offset, length and CRC. `timestamp` is left out in magic 0. */
export const writeOne = (
  magic: OldMagic,
  attributes: number,
  offset: bigint,
  timestamp: bigint,
  key: Uint8Array | null,
  value: Uint8Array | null
): Uint8Array => {
  const keyAt = magic === 0 ? 18 : 26
  const valueAt = keyAt + 4 + (key?.byteLength ?? 0)
  const message = new Uint8Array(valueAt + 4 + (value?.byteLength ?? 0))
  const view = H.viewOf(message)
  view.setBigInt64(0, offset)
  view.setInt32(H.LENGTH_AT, message.byteLength - H.LOG_OVERHEAD)
  message[H.MAGIC_AT] = magic
  message[OLD_ATTRIBUTES_AT] = attributes
  if (magic === 1) view.setBigInt64(18, timestamp)
  view.setInt32(keyAt, key?.byteLength ?? -1)
  if (key !== null) message.set(key, keyAt + 4)
  view.setInt32(valueAt, value?.byteLength ?? -1)
  if (value !== null) message.set(value, valueAt + 4)
  view.setUint32(CRC_AT, crc32(message.subarray(H.MAGIC_AT)))
  return message
}
