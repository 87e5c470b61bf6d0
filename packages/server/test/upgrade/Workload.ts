import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import { setTimeout } from "node:timers/promises"
import { CompressionTypes, Kafka, logLevel } from "kafkajs"
import type { Consumer } from "kafkajs"
import { batchOf } from "../Batches.ts"
import { WireClient } from "../WireClient.ts"
import { committedOf, offsetAt, readCommitted } from "./Asking.ts"
import type { Facts, KnownGroup, KnownProducer, KnownRecord } from "./Facts.ts"
import { consumerGroup, shareGroup, streamsGroup } from "./KnownGroups.ts"

/** Topics and how many partitions each has. Time takes nothing from them. */
const TOPICS = { orders: 2, table: 1, cut: 1 }
const CONFIGS: Readonly<Record<string, ReadonlyArray<{ readonly name: string; readonly value: string }>>> = {
  orders: [{ name: "retention.ms", value: "-1" }],
  cut: [{ name: "retention.ms", value: "-1" }],
  table: [
    { name: "cleanup.policy", value: "compact" },
    { name: "min.cleanable.dirty.ratio", value: "0.01" },
    { name: "segment.ms", value: "1" }
  ]
}

const messages = (from: number, count: number, keys: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${(from + i) % keys}`, value: `v${from + i}` }))

/** Three batches of an idempotent producer. */
const idempotent = async (client: WireClient): Promise<KnownProducer> => {
  const { producerEpoch, producerId } = await client.call(InitProducerId, 1, { transactionalId: null })
  let offset = 0n
  for (const baseSequence of [0, 2, 4]) {
    const records = batchOf(["i", "j"], { producerId, producerEpoch, baseSequence })
    const topicData = [{ name: "orders", partitionData: [{ index: 0, records }] }]
    const { responses } = await client.call(Produce, 8, { acks: -1, timeoutMs: 5000, topicData })
    const answer = responses[0]!.partitionResponses[0]!
    if (answer.errorCode !== 0) throw new Error(`an idempotent produce: ${answer.errorCode} ${answer.errorMessage}`)
    offset = answer.baseOffset
  }
  return { id: String(producerId), epoch: producerEpoch, sequence: 4, offset: Number(offset) }
}

/** A classic group with a member that has read all there is of `orders`. */
const classicGroup = async (consumer: Consumer, client: WireClient): Promise<KnownGroup> => {
  await consumer.connect()
  await consumer.subscribe({ topic: "orders", fromBeginning: true })
  const ends = await endsOf(client, "orders")
  const at = [0, 0]
  const member = await new Promise<string>((resolve, reject) => {
    let memberId = ""
    consumer.on("consumer.group_join", ({ payload }) => (memberId = payload.memberId))
    consumer
      .run({
        autoCommit: false,
        eachMessage: async ({ message, partition, topic }) => {
          at[partition] = Number(message.offset) + 1
          if (!at.every((each, i) => each === ends[i])) return
          await consumer.commitOffsets(at.map((offset, i) => ({ topic, partition: i, offset: String(offset) })))
          resolve(memberId)
        }
      })
      .catch(reject)
  })
  return { groupId: "classic", type: "classic", members: [member], committed: ends }
}

const endsOf = async (client: WireClient, topic: keyof typeof TOPICS): Promise<ReadonlyArray<number>> => {
  const ends: Array<number> = []
  for (let i = 0; i < TOPICS[topic]; i++) ends.push(Number(await offsetAt(client, topic, i, -1n)))
  return ends
}

/** A transaction that commits, one that aborts, and one that stays open. */
const transactions = async (kafka: Kafka): Promise<Facts["open"]> => {
  const transactionalId = "payments"
  const producer = kafka.producer({
    transactionalId,
    maxInFlightRequests: 1,
    idempotent: true,
    transactionTimeout: 900_000
  })
  await producer.connect()
  for (const end of ["commit", "abort", "open"] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: "cut", messages: [{ key: end, value: `${end} 1` }] })
    await transaction.send({ topic: "cut", messages: [{ key: end, value: `${end} 2` }] })
    if (end === "open") continue
    const topics = [{ topic: "orders", partitions: [{ partition: 1, offset: end === "commit" ? "1" : "2" }] }]
    await transaction.sendOffsets({ consumerGroupId: "payers", topics })
    await transaction[end]()
  }
  return { transactionalId, topic: "cut" }
}

/** Type of a resource. */
const TOPIC = 2

/** The lowest API of each kind of group, and of transactions. */
const KEYS = { consumer: 68, share: 76, streams: 88, transactions: 24 }

/** What read_committed finds in every topic, and where each ends. */
export const look = async (client: WireClient): Promise<Pick<Facts, "ends" | "records">> => {
  const records: Record<string, Array<ReadonlyArray<KnownRecord>>> = {}
  const ends: Record<string, ReadonlyArray<number>> = {}
  for (const topic of Object.keys(TOPICS) as ReadonlyArray<keyof typeof TOPICS>) {
    ends[topic] = await endsOf(client, topic)
    records[topic] = []
    for (const i of ends[topic].keys()) records[topic].push(await readCommitted(client, topic, i))
  }
  return { records, ends }
}

const makeTopics = async (kafka: Kafka): Promise<void> => {
  const admin = kafka.admin()
  await admin.connect()
  const topics = Object.entries(TOPICS).map(([topic, numPartitions]) => ({
    topic,
    numPartitions,
    configEntries: [...(CONFIGS[topic] ?? [])]
  }))
  await admin.createTopics({ topics: [...topics, { topic: "gone", numPartitions: 1 }] })
  const producer = kafka.producer()
  await producer.connect()
  const { GZIP } = CompressionTypes
  await producer.send({ topic: "orders", messages: messages(0, 6, 6), compression: GZIP })
  await producer.send({ topic: "orders", messages: messages(6, 6, 6) })
  for (let i = 0; i < 4; i++) await producer.send({ topic: "table", messages: messages(i * 4, 4, 3) })
  await producer.send({ topic: "table", messages: [{ key: "k0", value: null }] })
  await producer.send({ topic: "cut", messages: messages(0, 3, 3) })
  await producer.send({ topic: "gone", messages: messages(0, 3, 3) })
  await producer.disconnect()
  await admin.deleteTopics({ topics: ["gone"] })
  await admin.disconnect()
}

/** Waits for compaction, where this broker has it. */
const compacted = async (client: WireClient): Promise<void> => {
  for (const until = Date.now() + 5000; Date.now() < until; await setTimeout(50)) {
    if ((await readCommitted(client, "table", 0)).length < 10) return
  }
}

/**
 * What clients do on a broker before its database is dumped: topics, one of them compacted, one with its first records
 * deleted, one gone; an idempotent producer; a group of each kind, with a member that is still there; transactions.
 */
export const workload = async (port: number): Promise<Omit<Facts, "made" | "steps">> => {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING })
  await using client = await WireClient.connect(port)
  const { apiKeys } = await client.call(ApiVersions, 0, {})
  const has = (key: number) => apiKeys.some(({ apiKey }) => apiKey === key)
  await makeTopics(kafka)
  // Refused by a broker that does not know it.
  const configs = [{ name: "tusk.sql.records", configOperation: 0, value: "on" }]
  const resources = [{ resourceType: TOPIC, resourceName: "orders", configs }]
  await client.call(IncrementalAlterConfigs, 1, { resources })
  const partitions = [{ partitionIndex: 0, offset: 2n }]
  await client.call(DeleteRecords, 1, { timeoutMs: 5000, topics: [{ name: "cut", partitions }] })
  const producer = await idempotent(client)
  const groups = [await classicGroup(kafka.consumer({ groupId: "classic", sessionTimeout: 300_000 }), client)]
  const { topics } = await client.call(Metadata, 10, { topics: [{ name: "orders" }] })
  if (has(KEYS.consumer)) groups.push(await consumerGroup(client))
  if (has(KEYS.share)) groups.push(await shareGroup(client, topics![0]!.topicId))
  if (has(KEYS.streams)) groups.push(await streamsGroup(client))
  let open: Facts["open"]
  if (has(KEYS.transactions)) {
    open = await transactions(kafka)
    const committed = await committedOf(client, "payers", "orders", TOPICS.orders)
    groups.push({ groupId: "payers", type: "classic", members: [], committed })
  }
  await compacted(client)
  return { ...(await look(client)), groups, producer, ...(open === undefined ? {} : { open }) }
}
