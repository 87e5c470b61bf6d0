import { assert, describe, it } from "@effect/vitest"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import { DescribeLogDirs } from "@tusk/protocol/messages/DescribeLogDirs"
import { DescribeTopicPartitions } from "@tusk/protocol/messages/DescribeTopicPartitions"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"

const INTERNAL = ["__consumer_offsets", "__transaction_state"]
const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAABA"

describe("Metadata", () => {
  it("tells all topics (null, and in version 0 the empty list), none, or some", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("a", 2)
    await broker.createTopic("b")
    const told = async (version: number, topics: ReadonlyArray<{ name: string }> | null) =>
      (await client.call(Metadata, version, { topics })).topics.map(({ name }) => name)
    assert.deepStrictEqual(await told(12, null), [...INTERNAL, "a", "b"])
    assert.deepStrictEqual(await told(1, []), [])
    assert.deepStrictEqual(await told(0, []), [...INTERNAL, "a", "b"])
    assert.deepStrictEqual(await told(12, [{ name: "b" }, { name: "b" }]), ["b"])
  })

  it("tells the broker under the address that the client came by, as leader of every partition", async () => {
    await using broker = await startBroker({ nodeId: 7 })
    const client = await broker.connect()
    await broker.createTopic("t", 3)
    const answer = await client.call(Metadata, 12, { topics: null })
    assert.deepStrictEqual(answer.brokers, [{ nodeId: 7, host: "127.0.0.1", port: broker.port, rack: null }])
    assert.strictEqual(answer.controllerId, 7)
    assert.isAbove(answer.clusterId!.length, 10)
    const topic = answer.topics.find(({ name }) => name === "t")
    assert.deepStrictEqual(
      topic!.partitions.map(({ partitionIndex }) => partitionIndex),
      [0, 1, 2]
    )
    for (const { isrNodes, leaderId, offlineReplicas, replicaNodes } of topic!.partitions) {
      assert.deepStrictEqual([leaderId, replicaNodes, isrNodes, offlineReplicas], [7, [7], [7], []])
    }
  })

  it("makes a topic that is asked for, unless the client or the broker does not want it", async () => {
    await using broker = await startBroker({ numPartitions: 2 })
    await using strict = await startBroker({ autoCreateTopicsEnable: false })
    const client = await broker.connect()
    const ask = async (name: string, version: number, allowAutoTopicCreation: boolean) => {
      const { topics } = await client.call(Metadata, version, { topics: [{ name }], allowAutoTopicCreation })
      return [topics[0]!.errorCode, topics[0]!.partitions.length]
    }
    assert.deepStrictEqual(await ask("no", 12, false), [3, 0])
    assert.deepStrictEqual(await ask("yes", 12, true), [0, 2])
    assert.deepStrictEqual(await ask("old", 1, true), [0, 2])
    const { topics } = await client.call(Metadata, 12, { topics: null })
    assert.deepStrictEqual(
      topics.map(({ name }) => name),
      [...INTERNAL, "old", "yes"]
    )
    const other = await strict.connect()
    const refused = await other.call(Metadata, 12, { topics: [{ name: "t" }], allowAutoTopicCreation: true })
    assert.strictEqual(refused.topics[0]!.errorCode, 3)
  })

  it("a name that cannot be is 17, whether it would be made or not", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    for (const allowAutoTopicCreation of [true, false]) {
      const { topics } = await client.call(Metadata, 12, {
        topics: [{ name: "a/b" }, { name: "" }, { name: "." }, { name: "x".repeat(250) }],
        allowAutoTopicCreation
      })
      assert.deepStrictEqual(
        topics.map(({ errorCode }) => errorCode),
        [17, 17, 17, 17]
      )
    }
    const missing = await client.call(Metadata, 12, { topics: [{ name: "__share_group_state" }] })
    assert.strictEqual(missing.topics[0]!.errorCode, 3, "an internal topic is not made")
  })

  it("goes by ids from version 12 on; an unknown one is 100", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const topicId = await broker.createTopic("t")
    const asked = [
      { name: null, topicId },
      { name: null, topicId: UNKNOWN_ID }
    ]
    const { topics } = await client.call(Metadata, 12, { topics: asked })
    assert.deepStrictEqual(
      topics.map(({ errorCode, name, topicId }) => [name, topicId, errorCode]),
      [
        ["t", topicId, 0],
        [null, UNKNOWN_ID, 100]
      ]
    )
  })
})

describe("FindCoordinator", () => {
  it("is this broker, for every key of a batch and every kind but unknown ones", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    for (const keyType of [0, 1]) {
      const { coordinators } = await client.call(FindCoordinator, 6, { keyType, coordinatorKeys: ["a", "b"] })
      assert.deepStrictEqual(
        coordinators.map(({ errorCode, host, key, nodeId, port }) => [key, nodeId, host, port, errorCode]),
        ["a", "b"].map((key) => [key, 1, "127.0.0.1", broker.port, 0])
      )
    }
    const unknown = await client.call(FindCoordinator, 6, { keyType: 9, coordinatorKeys: ["a"] })
    assert.strictEqual(unknown.coordinators[0]!.errorCode, 42)
    assert.strictEqual((await client.call(FindCoordinator, 1, { keyType: 9, key: "a" })).errorCode, 42)
  })
})

describe("DescribeCluster", () => {
  it("tells the broker; there are no controllers to tell", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { brokers, clusterId, controllerId } = await client.call(DescribeCluster, 2, { endpointType: 1 })
    assert.deepStrictEqual(brokers, [
      { brokerId: 1, host: "127.0.0.1", port: broker.port, rack: null, isFenced: false }
    ])
    assert.strictEqual(controllerId, 1)
    assert.strictEqual(clusterId, (await client.call(Metadata, 12, { topics: [] })).clusterId)
    assert.strictEqual((await client.call(DescribeCluster, 2, { endpointType: 2 })).errorCode, 114)
    assert.strictEqual((await client.call(DescribeCluster, 2, { endpointType: 3 })).errorCode, 115)
  })
})

describe("DescribeTopicPartitions", () => {
  it("pages through topics by name and through their partitions, by its cursor", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    for (const [name, partitions] of [
      ["c", 3],
      ["a", 2],
      ["b", 1]
    ] as const)
      await broker.createTopic(name, partitions)
    const seen: Array<string> = []
    const pages: Array<number> = []
    let cursor: { readonly topicName: string; readonly partitionIndex: number } | null = null
    do {
      const page: any = await client.call(DescribeTopicPartitions, 0, { responsePartitionLimit: 2, cursor })
      const found = page.topics.flatMap(({ name, partitions }: any) =>
        partitions.map(({ partitionIndex }: any) => `${name}${partitionIndex}`)
      )
      pages.push(found.length)
      seen.push(...found)
      cursor = page.nextCursor
    } while (cursor !== null)
    const own = seen.filter((name) => !name.startsWith("__"))
    assert.deepStrictEqual(own, ["a0", "a1", "b0", "c0", "c1", "c2"])
    assert.lengthOf(seen, own.length + 2 * 50)
    assert.isTrue(pages.every((length) => length <= 2))
  })

  it("unknown and illegal names are told as such; a negative cursor is refused", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { topics } = await client.call(DescribeTopicPartitions, 0, { topics: [{ name: "no" }, { name: "n/o" }] })
    assert.deepStrictEqual(
      topics.map(({ errorCode, name }) => [name, errorCode]),
      [
        ["n/o", 17],
        ["no", 3]
      ]
    )
    const refused = await client.call(DescribeTopicPartitions, 0, {
      topics: [{ name: "no" }],
      cursor: { topicName: "no", partitionIndex: -1 }
    })
    assert.strictEqual(refused.topics[0]!.errorCode, 42)
  })
})

describe("DescribeLogDirs", () => {
  it("tells the sizes of all partitions, or of those asked for that are there", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("a", 2)
    await broker.createTopic("b")
    const batch = batchOf(["x".repeat(100)])
    const partitionData = [{ index: 1, records: batch }]
    await client.call(Produce, 12, { acks: -1, topicData: [{ name: "a", partitionData }] })
    const told = async (topics: ReadonlyArray<{ topic: string; partitions: ReadonlyArray<number> }> | null) =>
      (await client.call(DescribeLogDirs, 4, { topics })).results[0]!.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, partitionSize }) => [name, partitionIndex, Number(partitionSize)])
      )
    const size = batch.byteLength
    assert.deepStrictEqual(await told(null), [
      ["a", 0, 0],
      ["a", 1, size],
      ["b", 0, 0]
    ])
    assert.deepStrictEqual(
      await told([
        { topic: "a", partitions: [1, 7] },
        { topic: "no", partitions: [0] }
      ]),
      [["a", 1, size]]
    )
  })
})
