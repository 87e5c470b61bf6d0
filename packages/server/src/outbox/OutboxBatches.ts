import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { BatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import type { AppendRequest } from "@tusk/storage/log/Log"
import type { OutboxRecord } from "@tusk/storage/port/Outbox"
import * as Effect from "effect/Effect"
import type { TopicConfig } from "../config/TopicConfigs.ts"

/** A record that cannot be appended any more, and why. */
export interface RefusedRecord {
  readonly row: OutboxRecord
  readonly reason: string
}

/** A batch, and the rows that its records come from. */
export interface OutboxBatch {
  readonly rows: ReadonlyArray<OutboxRecord>
  readonly request: AppendRequest
}

/** Why a record is laid aside whose topic was deleted. */
export const GONE = "its partition does not exist any more"

/** What rows of one partition become. */
export interface PartitionRows {
  readonly partitionId: number
  readonly batches: ReadonlyArray<OutboxBatch>
  readonly refused: ReadonlyArray<RefusedRecord>
  /** Why nothing is appended now: all of it stays where it is. */
  readonly waiting?: KafkaError
}

/** Bytes of a batch that takes no further record: what consumers read in one piece. */
const BATCH_BYTES = 512 * 1024
/** Lengths and deltas of a record, at most; and of a header. */
const RECORD_OVERHEAD = 40
const HEADER_OVERHEAD = 10

const sizeOf = ({ headers, key, value }: OutboxRecord): number => {
  let bytes = RECORD_OVERHEAD + (key?.byteLength ?? 0) + (value?.byteLength ?? 0)
  for (const header of headers) bytes += HEADER_OVERHEAD + 3 * header.key.length + (header.value?.byteLength ?? 0)
  return bytes
}

/** What its topic has against a record; its configs may have changed since the call. */
const refusalOf = ({ key, timestamp }: OutboxRecord, config: TopicConfig, nowMs: number): string | undefined => {
  if (config.compacted && key === null) return "the topic is compacted, and the record has no key"
  if (config.messageTimestampType === "LogAppendTime") return undefined
  const { messageTimestampAfterMaxMs: after, messageTimestampBeforeMaxMs: before } = config
  if (Number(timestamp) - nowMs > after)
    return `its time is further ahead than message.timestamp.after.max.ms (${after})`
  if (nowMs - Number(timestamp) > before) return `its time is older than message.timestamp.before.max.ms (${before})`
  return undefined
}

/** Records in order, as many together as one batch takes. */
const chunksOf = (rows: ReadonlyArray<OutboxRecord>, most: number): ReadonlyArray<ReadonlyArray<OutboxRecord>> => {
  const chunks: Array<Array<OutboxRecord>> = []
  let room = 0
  for (const row of rows) {
    const bytes = sizeOf(row)
    const last = chunks.at(-1)
    if (last === undefined || bytes > room) {
      chunks.push([row])
      room = most - RecordBatch.RECORD_BATCH_OVERHEAD - bytes
    } else {
      last.push(row)
      room -= bytes
    }
  }
  return chunks
}

/** The records as one batch, compressed as the topic keeps them. */
const encoded = (
  rows: ReadonlyArray<OutboxRecord>,
  { compression }: TopicConfig,
  codec: BatchCodec
): Effect.Effect<Uint8Array> => {
  const batch = RecordBatch.encodeBatch(rows)
  if (compression === undefined || compression.codec === 0) return Effect.succeed(batch)
  const records = batch.subarray(RecordBatch.RECORD_BATCH_OVERHEAD)
  return Effect.map(codec.compress(compression, records), (compressed) =>
    RecordBatch.withRecords(batch, compression.codec, compressed)
  )
}

/** The batches of one partition's rows, in order, by the configs that hold now. */
export const batchesOf = (
  partitionId: number,
  rows: ReadonlyArray<OutboxRecord>,
  config: TopicConfig,
  codec: BatchCodec,
  nowMs: number
): Effect.Effect<PartitionRows> =>
  Effect.gen(function* () {
    const refused: Array<RefusedRecord> = []
    const accepted = rows.filter((row) => {
      const reason = refusalOf(row, config, nowMs)
      if (reason !== undefined) refused.push({ row, reason })
      return reason === undefined
    })
    const { inObjects: object, maxMessageBytes, messageTimestampType } = config
    const stampTime = messageTimestampType === "LogAppendTime"
    const batches: Array<OutboxBatch> = []
    for (const chunk of chunksOf(accepted, Math.min(maxMessageBytes, BATCH_BYTES))) {
      const batch = yield* encoded(chunk, config, codec)
      const request = { partitionId, batch, stampTime, object }
      if (batch.byteLength <= maxMessageBytes) batches.push({ rows: chunk, request })
      // A chunk of several is within the limit before it is compressed.
      else refused.push(...chunk.map((row) => ({ row, reason: tooLarge(batch.byteLength, maxMessageBytes) })))
    }
    return { partitionId, batches, refused }
  })

const tooLarge = (bytes: number, most: number): string =>
  `its batch takes ${bytes} bytes, more than max.message.bytes of ${most}`
