import { assert, describe, it } from "@effect/vitest"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DescribeShareGroupOffsets } from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import { StoreUnavailable } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Kafka, logLevel } from "kafkajs"
import { kafkaMetrics } from "../../src/observe/kafkaMetrics.ts"
import { tuskMetrics } from "../../src/observe/tuskMetrics.ts"
import { batchOf } from "../Batches.ts"
import { ServingInTest } from "../ServingInTest.ts"
import type { WireClient } from "../WireClient.ts"
import { AdminUnderTest } from "./AdminUnderTest.ts"

const createTopic = async (client: WireClient, name: string, numPartitions: number) => {
  const { topics } = await client.call(CreateTopics, 7, { topics: [{ name, numPartitions, replicationFactor: 1 }] })
  assert.strictEqual(topics[0]!.errorCode, 0)
}

const produce = async (client: WireClient, name: string, index: number, values: ReadonlyArray<string>, at?: bigint) => {
  const records = batchOf(values, at === undefined ? {} : { timestamp: at })
  const { responses } = await client.call(Produce, 9, {
    acks: -1,
    timeoutMs: 5000,
    topicData: [{ name, partitionData: [{ index, records }] }]
  })
  return responses[0]!.partitionResponses[0]!.errorCode
}

const commit = (client: WireClient, groupId: string, topic: string, offsets: ReadonlyArray<bigint>) =>
  client.call(OffsetCommit, 8, {
    groupId,
    generationIdOrMemberEpoch: -1,
    topics: [
      {
        name: topic,
        partitions: offsets.map((committedOffset, partitionIndex) => ({ partitionIndex, committedOffset }))
      }
    ]
  })

const adminOf = async ({ tusk }: AdminUnderTest) => {
  const kafka = new Kafka({ brokers: tusk.bootstrapServers.split(","), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  return { kafka, admin, [Symbol.asyncDispose]: () => admin.disconnect() }
}

describe("topics and groups, by kafka_exporter's names", () => {
  it("offsets, lag and members are what an admin client says", async () => {
    await using broker = await AdminUnderTest.start()
    await using client = await broker.connect()
    await using asked = await adminOf(broker)
    await createTopic(client, "orders", 3)
    for (const index of [0, 0, 1]) await produce(client, "orders", index, ["a", "b"])
    const consumer = asked.kafka.consumer({ groupId: "readers" })
    await consumer.connect()
    await consumer.subscribe({ topic: "orders", fromBeginning: true })
    await new Promise<void>((resolve) => void consumer.run({ autoCommit: false, eachMessage: async () => resolve() }))
    await consumer.commitOffsets([
      { topic: "orders", partition: 0, offset: "1" },
      { topic: "orders", partition: 1, offset: "2" }
    ])

    const page = await broker.page()
    const offsets = await asked.admin.fetchTopicOffsets("orders")
    const told = (metric: { readonly name: string }, partition: number) =>
      page.value(metric.name, { topic: "orders", partition: String(partition) })
    for (const { high, low, partition } of offsets) {
      assert.strictEqual(told(kafkaMetrics.currentOffset, partition), Number(high))
      assert.strictEqual(told(kafkaMetrics.oldestOffset, partition), Number(low))
    }
    const [topic] = (await asked.admin.fetchTopicMetadata({ topics: ["orders"] })).topics
    for (const { isr, leader, partitionId, replicas } of topic!.partitions) {
      assert.strictEqual(told(kafkaMetrics.leader, partitionId), leader)
      assert.strictEqual(told(kafkaMetrics.replicas, partitionId), replicas.length)
      assert.strictEqual(told(kafkaMetrics.inSyncReplica, partitionId), isr.length)
      assert.strictEqual(told(kafkaMetrics.leaderIsPreferred, partitionId), leader === replicas[0] ? 1 : 0)
      assert.strictEqual(told(kafkaMetrics.underReplicated, partitionId), 0)
    }
    assert.strictEqual(page.value("kafka_topic_partitions", { topic: "orders" }), topic!.partitions.length)
    const { brokers } = await asked.admin.describeCluster()
    assert.strictEqual(page.value("kafka_brokers"), brokers.length)
    const address = `${brokers[0]!.host}:${brokers[0]!.port}`
    assert.strictEqual(page.value("kafka_broker_info", { id: String(brokers[0]!.nodeId), address }), 1)

    const [committed] = await asked.admin.fetchOffsets({ groupId: "readers", topics: ["orders"] })
    let [lag, sum] = [0, 0]
    for (const { offset, partition } of committed!.partitions.filter((each) => each.offset !== "-1")) {
      const labels = { consumergroup: "readers", topic: "orders", partition: String(partition) }
      assert.strictEqual(page.value("kafka_consumergroup_current_offset", labels), Number(offset))
      const behind = Number(offsets.find((each) => each.partition === partition)!.high) - Number(offset)
      assert.strictEqual(page.value("kafka_consumergroup_lag", labels), behind)
      lag += behind
      sum += Number(offset)
    }
    const group = { consumergroup: "readers", topic: "orders" }
    assert.strictEqual(page.value("kafka_consumergroup_lag_sum", group), lag)
    assert.strictEqual(lag, 3)
    assert.strictEqual(page.value("kafka_consumergroup_current_offset_sum", group), sum)
    const { groups } = await asked.admin.describeGroups(["readers"])
    assert.strictEqual(
      page.value("kafka_consumergroup_members", { consumergroup: "readers" }),
      groups[0]!.members.length
    )
    await consumer.disconnect()
    // All of kafka_exporter's names are there, and nothing else begins so.
    const names = [...page.families.keys()].filter((name) => name.startsWith("kafka_"))
    assert.sameMembers(
      names,
      Object.values(kafkaMetrics).map(({ name }) => name)
    )
  })

  it("groups of each kind, by kind and state, with members and lag", async () => {
    await using broker = await AdminUnderTest.start({
      settings: { "group.streams.initial.rebalance.delay.ms": "0" }
    })
    await using client = await broker.connect()
    await createTopic(client, "t", 2)
    for (const index of [0, 1, 1]) await produce(client, "t", index, ["a"])
    const member = { memberId: "m", rebalanceTimeoutMs: 60_000 }
    await client.call(ConsumerGroupHeartbeat, 1, {
      ...member,
      groupId: "consumers",
      subscribedTopicNames: ["t"],
      topicPartitions: []
    })
    const topology = { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: ["t"] }] }
    const tasks = { activeTasks: [], standbyTasks: [], warmupTasks: [] }
    await client.call(StreamsGroupHeartbeat, 0, { ...member, groupId: "streams", processId: "p", topology, ...tasks })
    for (const memberEpoch of [0, 1]) {
      await client.call(ShareGroupHeartbeat, 1, {
        groupId: "sharers",
        memberId: "m",
        memberEpoch,
        subscribedTopicNames: memberEpoch === 0 ? ["t"] : null
      })
    }
    for (const index of [0, 1]) await produce(client, "t", index, ["b"])
    await commit(client, "simple", "t", [2n, 0n])

    const page = await broker.page()
    for (const [consumergroup, members] of [
      ["consumers", 1],
      ["streams", 1],
      ["sharers", 1],
      ["simple", 0]
    ] as const) {
      assert.strictEqual(page.value("kafka_consumergroup_members", { consumergroup }), members, consumergroup)
    }
    for (const type of ["consumer", "streams", "share", "classic"]) {
      const counts = page.of("tusk_groups").filter(({ labels }) => labels["type"] === type)
      assert.deepStrictEqual(
        counts.map(({ value }) => value),
        [1],
        type
      )
    }
    assert.isAbove(page.value("tusk_group_rebalances_total", { type: "consumer" })!, 0)
    assert.strictEqual(page.value("kafka_consumergroup_lag_sum", { consumergroup: "simple", topic: "t" }), 3)
    const { groups } = await client.call(DescribeShareGroupOffsets, 1, {
      groups: [{ groupId: "sharers", topics: null }]
    })
    const shared = groups[0]!.topics.flatMap(({ partitions }) => partitions)
    assert.deepStrictEqual(
      shared.map(({ lag }) => lag),
      [1n, 1n]
    )
    for (const { lag, partitionIndex, startOffset } of shared) {
      const labels = { consumergroup: "sharers", topic: "t", partition: String(partitionIndex) }
      assert.strictEqual(page.value("kafka_consumergroup_current_offset", labels), Number(startOffset))
      assert.strictEqual(page.value("kafka_consumergroup_lag", labels), Number(lag))
    }
  })

  it("the lag in seconds is the age of the oldest batch that is not consumed, 0 once all is", async () => {
    await using broker = await AdminUnderTest.start()
    await using client = await broker.connect()
    await createTopic(client, "t", 1)
    const nowMs = Date.now()
    await produce(client, "t", 0, ["old"], BigInt(nowMs - 90_000))
    await produce(client, "t", 0, ["new"], BigInt(nowMs - 30_000))
    const labels = { consumergroup: "g", topic: "t" }
    const secondsAt = async (offset: bigint) => {
      await commit(client, "g", "t", [offset])
      return (await broker.page()).value("tusk_consumergroup_lag_seconds", labels)!
    }
    assert.closeTo(await secondsAt(0n), 90, 10)
    assert.closeTo(await secondsAt(1n), 30, 10)
    assert.strictEqual(await secondsAt(2n), 0)
  })

  it("more than tusk.metrics.max.partitions have no series of their own, and the page says so", async () => {
    await using broker = await AdminUnderTest.start({ settings: { "tusk.metrics.max.partitions": "4" } })
    await using client = await broker.connect()
    await createTopic(client, "a", 2)
    await produce(client, "a", 0, ["1", "2"])
    await commit(client, "g", "a", [1n, 0n])
    const before = await broker.page()
    assert.strictEqual(before.of("kafka_topic_partition_current_offset").length, 2)
    assert.deepStrictEqual(new Set(before.of("tusk_metrics_left_out").map(({ value }) => value)), new Set([0]))
    await createTopic(client, "b", 3)
    await commit(client, "h", "b", [0n, 0n, 0n])
    const page = await broker.page()
    assert.strictEqual(page.of("kafka_topic_partition_current_offset").length, 0)
    assert.strictEqual(page.of("kafka_consumergroup_lag").length, 0)
    assert.strictEqual(page.value("tusk_metrics_left_out", { of: "partitions" }), 5)
    assert.strictEqual(page.value("tusk_metrics_left_out", { of: "group_partitions" }), 5)
    assert.strictEqual(page.value("tusk_metrics_left_out", { of: "topics" }), 0)
    assert.strictEqual(page.value("tusk_topic_current_offsets", { topic: "a" }), 2)
    assert.strictEqual(page.value("kafka_consumergroup_lag_sum", { consumergroup: "g", topic: "a" }), 1)
  })
})

describe("what the broker counts", () => {
  it("requests, bytes, errors, commits and reads", async () => {
    await using broker = await AdminUnderTest.start()
    await using client = await broker.connect()
    await createTopic(client, "t", 1)
    assert.strictEqual(await produce(client, "t", 0, ["a", "b", "c"]), 0)
    assert.strictEqual(await produce(client, "t", 7, ["a"]), 3)
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }]
    await client.call(Fetch, 4, { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, topics: [{ topic: "t", partitions }] })
    await client.call(ListOffsets, 1, {
      replicaId: -1,
      topics: [
        {
          name: "nowhere",
          partitions: [
            { partitionIndex: 0, timestamp: -1n },
            { partitionIndex: 1, timestamp: -1n }
          ]
        }
      ]
    })
    const page = await broker.page()
    const [api, error] = ["Produce", "UNKNOWN_TOPIC_OR_PARTITION"]
    assert.strictEqual(page.value("tusk_requests_total", { api }), 2)
    assert.strictEqual(page.value("tusk_request_duration_seconds_count", { api }), 2)
    assert.isAbove(page.value("tusk_request_bytes_total", { api })!, 100)
    assert.isAbove(page.value("tusk_response_bytes_total", { api })!, 50)
    assert.strictEqual(page.value("tusk_request_errors_total", { api, error }), 1)
    assert.strictEqual(page.value("tusk_request_errors_total", { api: "ListOffsets", error }), 2)
    assert.strictEqual(page.value("tusk_appended_records_total"), 3)
    assert.strictEqual(page.value("tusk_commit_batches_sum"), 1)
    assert.isAbove(page.value("tusk_commit_duration_seconds_count")!, 1)
    assert.isAbove(page.value("tusk_commit_bytes_total")!, 0)
    assert.strictEqual(page.value("tusk_tail_cache_hits_total"), 1)
    assert.strictEqual(page.value("tusk_connections"), 1)
    assert.strictEqual(page.value("tusk_serving"), 1)
    assert.strictEqual(page.value("tusk_commit_queue_units"), 0)
  })

  it("a long poll is counted while it waits", async () => {
    await using broker = await AdminUnderTest.start()
    await using client = await broker.connect()
    await createTopic(client, "t", 1)
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }]
    const topics = [{ topic: "t", partitions }]
    const waiting = client.call(Fetch, 4, { maxWaitMs: 20_000, minBytes: 1, maxBytes: 1 << 20, topics })
    await using other = await broker.connect()
    const polls = async () => (await broker.page()).value("tusk_long_polls")
    while ((await polls()) !== 1) await Effect.runPromise(Effect.sleep(5))
    await produce(other, "t", 0, ["a"])
    await waiting
    assert.strictEqual(await polls(), 0)
  })

  it("an app has all of it in its registry, and nothing once the broker has stopped", async () => {
    const broker = await AdminUnderTest.start()
    await using client = await broker.connect()
    await createTopic(client, "t", 1)
    await Effect.runPromise(broker.tusk.refreshMetrics)
    const ids = new Set([...broker.registry.values()].map(({ id }) => id))
    for (const { name } of [kafkaMetrics.currentOffset, tuskMetrics.requests, tuskMetrics.commitSeconds]) {
      assert.isTrue(ids.has(name), name)
    }
    await broker.stop()
    assert.deepStrictEqual([...broker.registry.keys()], [])
  })
})

describe("what the database tells", () => {
  const memory = MemoryStore.layer({ maxBytes: 1 << 26 })
  const withStatistics = (statistics: NonNullable<Store["Service"]["statistics"]>) =>
    Layer.effect(
      Store,
      Effect.map(Store, (store) => Store.of({ ...store, statistics }))
    ).pipe(Layer.provide(memory))

  it("by table, asked once for pages that follow each other", async () => {
    let asked = 0
    const statistics = Effect.sync(() => {
      asked++
      return [
        { kind: "dead_rows", name: "offsets", value: 7 },
        { kind: "wal_bytes", name: "", value: 1e9 },
        { kind: "of a later version", name: "", value: 1 }
      ]
    })
    await using broker = await AdminUnderTest.start({ store: withStatistics(statistics) })
    await broker.page()
    const page = await broker.page()
    assert.strictEqual(page.value("tusk_postgres_up"), 1)
    assert.strictEqual(page.value("tusk_postgres_dead_rows", { table: "offsets" }), 7)
    assert.strictEqual(page.value("tusk_postgres_wal_bytes_total"), 1e9)
    assert.strictEqual(asked, 1)
  })

  it("absent while it does not answer, which holds nothing else up", async () => {
    const away = Effect.fail(new StoreUnavailable({ message: "away" }))
    await using broker = await AdminUnderTest.start({ store: withStatistics(away) })
    const page = await broker.page()
    assert.strictEqual(page.value("tusk_postgres_up"), 0)
    assert.deepStrictEqual(page.of("tusk_postgres_dead_rows"), [])
    assert.strictEqual(page.value("tusk_topics"), 0)
  })

  it("nothing of Postgres where there is none", async () => {
    await using broker = await AdminUnderTest.start()
    assert.deepStrictEqual((await broker.page()).of("tusk_postgres_up"), [])
  })

  it("a broker that is not known to be the writer tells nothing of topics and groups", async () => {
    const serving = new ServingInTest()
    await using broker = await AdminUnderTest.start({ replaced: { active: serving.active } })
    await using client = await broker.connect()
    await createTopic(client, "t", 1)
    assert.strictEqual((await broker.page()).value("tusk_topics"), 1)
    assert.deepStrictEqual(await broker.get("/readyz"), [200, "ready\n"])
    serving.set(false)
    const page = await broker.page()
    assert.strictEqual(page.value("tusk_serving"), 0)
    assert.deepStrictEqual(page.of("tusk_topics"), [])
    assert.deepStrictEqual(page.of("kafka_topic_partitions"), [])
    const [status, body] = await broker.get("/readyz")
    assert.deepStrictEqual([status, body.split("\n").length], [503, 2])
    assert.match(body, /^not ready: .*lock/)
    assert.deepStrictEqual(await broker.get("/livez"), [200, "live\n"])
  })
})
