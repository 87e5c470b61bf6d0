import { InvalidRecord, InvalidTimestamp, MessageTooLarge, UnsupportedCompressionType } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { TopicConfig } from "./config/TopicConfigs.ts"

const ZSTD = 4

/**
 * The one record batch that a partition of a Produce request may hold, checked as far as its header and checksum tell:
 * number of batches, magic, length, CRC-32C, codec, counts, size, timestamps. Records are
 * decoded only where the topic is compacted: then each has to have a key.
 */
export const checkProduced = (
  records: Uint8Array | null,
  apiVersion: number,
  config: TopicConfig,
  nowMs: number,
  maxDecompressedBytes: number
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
  const wrong = config.messageTimestampType === "CreateTime" ? wrongTime(batch, config, nowMs) : undefined
  if (wrong !== undefined) return wrong
  // The records are looked into only where the topic asks something of each: a key.
  if (!config.compacted) return batch
  return RecordBatch.validateRecords(batch, { compacted: true, limits: { maxDecompressedBytes } }) ?? batch
}

const wrongTime = (batch: Uint8Array, config: TopicConfig, nowMs: number): KafkaError | undefined => {
  const latest = Number(RecordBatch.maxTimestamp(batch))
  const earliest = Number(RecordBatch.baseTimestamp(batch))
  if (latest - nowMs > config.messageTimestampAfterMaxMs || nowMs - earliest > config.messageTimestampBeforeMaxMs) {
    return new InvalidTimestamp({
      message: "A record's timestamp is outside message.timestamp.before.max.ms and message.timestamp.after.max.ms."
    })
  }
  return undefined
}
