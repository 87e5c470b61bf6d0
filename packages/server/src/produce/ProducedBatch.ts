import { InvalidRecord, MessageTooLarge, UnsupportedCompressionType } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ZSTD } from "@tusk/protocol/record/Compression"
import { decompressAtOnce } from "@tusk/protocol/record/DecompressAtOnce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { AT_ONCE_BYTES } from "@tusk/storage/log/batches/BatchCodec"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { TopicConfig } from "../config/TopicConfigs.ts"
import type { Inside } from "./Recompression.ts"

/**
 * The one record batch that a partition of a Produce request may hold, checked as far as its header and checksum tell:
 * number of batches, magic, length, CRC-32C, codec, counts, size. See `insideOf` for its records.
 */
export const checkProduced = (
  records: Uint8Array | null,
  apiVersion: number,
  config: TopicConfig
): Uint8Array | KafkaError => {
  if (records === null || records.byteLength === 0) {
    return new InvalidRecord({ message: "A Produce request holds one record batch a partition; there is none." })
  }
  const batches = RecordBatch.splitBatches(records)
  if (!Array.isArray(batches)) return batches as KafkaError
  const batch: Uint8Array = batches[0]
  if (batches.length > 1) {
    return new InvalidRecord({
      message: `A Produce request holds one record batch a partition, not ${batches.length}.`
    })
  }
  const invalid = RecordBatch.validateBatch(batch)
  if (invalid !== undefined) return invalid
  if (apiVersion < 7 && RecordBatch.compressionCodec(batch) === ZSTD) {
    return new UnsupportedCompressionType({ message: "zstd needs Produce version 7 or later." })
  }
  if (batch.byteLength > config.maxMessageBytes) {
    return new MessageTooLarge({
      message: `The record batch size of ${batch.byteLength} bytes exceeds max.message.bytes of ${config.maxMessageBytes}.`
    })
  }
  return batch
}

/** The batch of which `checkProduced` tells, if its producer and sequence can be read. */
export const numberedBatch = (records: Uint8Array | null): Uint8Array | undefined => {
  const batches = records === null ? [] : RecordBatch.splitBatches(records, { partialTail: "drop" })
  const batch: Uint8Array | undefined = isKafkaError(batches) ? undefined : batches[0]
  return batch !== undefined && RecordBatch.magic(batch) === 2 ? batch : undefined
}

/**
 * Whether a client sends the same sequence again on such a refusal: the batch as it is, or one that is too large in parts,
 * as Java's does. A producer that is refused for good goes on behind it.
 */
export const comesAgain = (error: KafkaError, batch: Uint8Array): boolean =>
  error._tag === "MessageTooLarge"
    ? RecordBatch.recordCount(batch) > 1
    : error._tag === "CorruptMessage" || error._tag === "NotLeaderOrFollower"

/**
 * What has to be done inside a batch that `checkProduced` let pass: its records are looked at, unless its topic wants none
 * of that (`tusk.validate.records`), and a batch is compressed anew if its topic names a codec that is not the batch's.
 * Rules for each record are those of a compacted topic, and of one that bounds their times if the header says that one
 * is too far ahead. Undefined: nothing.
 */
export const insideOf = (batch: Uint8Array, config: TopicConfig, nowMs: number): Inside | undefined => {
  const { compacted, compression, maxMessageBytes, validated } = config
  const times = timesToCheck(batch, config, nowMs)
  const target =
    compression !== undefined && compression.codec !== RecordBatch.compressionCodec(batch) ? compression : undefined
  const rules = compacted || times !== undefined ? { compacted, times } : undefined
  if (!validated && rules === undefined && target === undefined) return undefined
  return { rules, target, maxMessageBytes }
}

/**
 * The records, if they are only to be looked at, and it takes no time to come to them: they lie open, or are
 * decompressed in less than it takes to hand them to a thread.
 */
export const openAtOnce = (batch: Uint8Array, { target }: Inside, most: number): Uint8Array | undefined =>
  target === undefined && batch.byteLength <= AT_ONCE_BYTES
    ? decompressAtOnce(RecordBatch.compressionCodec(batch), batch.subarray(RecordBatch.RECORD_BATCH_OVERHEAD), most)
    : undefined

/** The times its records may have, if one of them may have another; the append's own time is not checked. */
const timesToCheck = (batch: Uint8Array, config: TopicConfig, nowMs: number): RecordBatch.RecordRules["times"] => {
  if (config.messageTimestampType === "LogAppendTime") return undefined
  const { messageTimestampAfterMaxMs: after, messageTimestampBeforeMaxMs: before } = config
  // The header has the greatest time of all, but not the least.
  const ahead = Number(RecordBatch.maxTimestamp(batch)) - nowMs > after
  if (!ahead && before >= nowMs) return undefined
  return { earliest: BigInt(nowMs) - BigInt(before), latest: BigInt(nowMs) + BigInt(after) }
}
