/** The other side of an old client: today's clients write for it, and look at what it wrote. */
import { Producer, stringSerializers } from "@platformatic/kafka"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { CodecName } from "@tusk/protocol/record/Compression"
import { CODEC_NAMES } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchesOf } from "../../bench/Fetched.ts"
import { Wire } from "../../bench/groups/Wire.ts"
import type { Told } from "./OldRecords.ts"
import { oldRecordOf } from "./OldRecords.ts"

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

const withWire = async <A>(bootstrap: string, use: (wire: Wire) => Promise<A>): Promise<A> => {
  const wire = await Wire.connect(bootstrap)
  try {
    return await use(wire)
  } finally {
    wire.close()
  }
}

const fetch = async (wire: Wire, topic: string, offsets: ReadonlyArray<bigint>) => {
  const partitions = offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: 1 << 20 }))
  const answer = await wire.call(Fetch, 12, { maxBytes: 8 << 20, sessionEpoch: -1, topics: [{ topic, partitions }] })
  return answer.responses[0]?.partitions ?? []
}

/**
 * Resolves when all partitions are served: Apache Kafka answers before, and a producer that is not idempotent then
 * writes again what only some of them took.
 */
export const createTopic = (bootstrap: string, name: string, numPartitions: number): Promise<void> =>
  withWire(bootstrap, async (wire) => {
    const topics = [{ name, numPartitions, replicationFactor: 1 }]
    const [created] = (await wire.call(CreateTopics, 5, { topics, timeoutMs: 30_000 })).topics
    if (created?.errorCode !== 0) throw new Error(`CreateTopics was answered ${created?.errorCode}`)
    const beginnings = range(0, numPartitions).map(() => 0n)
    for (let tries = 0; tries < 100; tries++) {
      if ((await fetch(wire, name, beginnings)).every(({ errorCode }) => errorCode === 0)) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new Error(`${name} is not served`)
  })

/** One batch to partition 0, with snappy and lz4 framed as Java's client does. */
const writeAsJava = (bootstrap: string, topic: string, codec: CodecName, ids: ReadonlyArray<number>, time: number) =>
  withWire(bootstrap, async (wire) => {
    const records = ids.map((id) => {
      const { key, value, header, timestamp } = oldRecordOf(id, time)
      const headers = [{ key: "n", value: Buffer.from(header) }]
      return { key: Buffer.from(key), value: Buffer.from(value), timestamp: BigInt(timestamp), headers }
    })
    const batch = RecordBatch.encodeBatch(records, { compression: CODEC_NAMES.indexOf(codec) })
    const topicData = [{ name: topic, partitionData: [{ index: 0, records: batch }] }]
    const answer = await wire.call(Produce, 9, { acks: -1, timeoutMs: 30_000, topicData })
    const error = answer.responses[0]?.partitionResponses[0]?.errorCode
    if (error !== 0) throw new Error(`Produce was answered ${error}`)
  })

/** By its key to any partition; snappy without a frame, as librdkafka and Go clients have it too. */
const writeAsNode = async (
  bootstrap: string,
  topic: string,
  codec: CodecName,
  ids: ReadonlyArray<number>,
  time: number
) => {
  const producer = new Producer({ clientId: "modern", bootstrapBrokers: [bootstrap], serializers: stringSerializers })
  try {
    const messages = ids.map((id) => {
      const { key, value, header, timestamp } = oldRecordOf(id, time)
      return { topic, key, value, timestamp: BigInt(timestamp), headers: { n: header } }
    })
    await producer.send({ messages, compression: codec })
  } finally {
    await producer.close()
  }
}

/** Records `from` to `to`: half of them by @platformatic/kafka, half in a batch like that of Java's client. */
export const writeModern = async (
  bootstrap: string,
  topic: string,
  codec: CodecName,
  from: number,
  to: number,
  timeOfFirst: number
): Promise<void> => {
  const middle = Math.floor((from + to) / 2)
  await writeAsNode(bootstrap, topic, codec, range(from, middle), timeOfFirst)
  await writeAsJava(bootstrap, topic, codec, range(middle, to), timeOfFirst)
}

/** The records of a batch, which has to be in that codec. */
const recordsOf = (batch: Uint8Array, codec: CodecName, partition: number): ReadonlyArray<Told> => {
  const used = CODEC_NAMES[RecordBatch.compressionCodec(batch)]
  if (used !== codec) throw new Error(`a batch is stored in ${used} in place of ${codec}`)
  const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 64 << 20 })
  if (isKafkaError(records)) throw new Error(`a stored batch cannot be read: ${records._tag}`)
  const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString()
  return records.map(({ offset, timestamp, key, value, headers }) => ({
    partition,
    offset: `${offset}`,
    timestamp: Number(timestamp),
    key: text(key),
    value: text(value),
    header: text(headers.find((one) => one.key === "n")?.value)
  }))
}

/** All records of a topic, as the broker gives them to a modern client; each batch has to be in that codec. */
export const readModern = (
  bootstrap: string,
  topic: string,
  codec: CodecName,
  partitions: number
): Promise<ReadonlyArray<Told>> =>
  withWire(bootstrap, async (wire) => {
    const told: Array<Told> = []
    const next = range(0, partitions).map(() => 0n)
    for (;;) {
      const before = told.length
      for (const { partitionIndex, errorCode, records } of await fetch(wire, topic, next)) {
        if (errorCode !== 0) throw new Error(`Fetch was answered ${errorCode}`)
        for (const batch of batchesOf(records)) {
          told.push(...recordsOf(batch, codec, partitionIndex))
          next[partitionIndex] = RecordBatch.lastOffset(batch) + 1n
        }
      }
      if (told.length === before) return told
    }
  })
