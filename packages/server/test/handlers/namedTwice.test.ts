/** The same thing named twice, or by its name and its id, and other answers as Apache Kafka 4.3.1 gives them. */
import { assert, describe, it } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { startBroker } from "../BrokerUnderTest.ts"
import { answersLater } from "../Stores.ts"
import type { WireClient } from "../WireClient.ts"

type Topic = { readonly name?: string | null; readonly topicId?: string }

const remove = async (client: WireClient, topics: ReadonlyArray<Topic>) => {
  const { responses } = await client.call(DeleteTopics, 6, {
    topics: topics.map(({ name = null, topicId = ZERO_UUID }) => ({ name, topicId })),
    timeoutMs: 1000
  })
  return responses.map(({ errorCode, errorMessage, name }) => [name, errorCode, errorMessage])
}
const namesOf = async (client: WireClient) =>
  (await client.call(Metadata, 12, { topics: null })).topics.flatMap(({ isInternal, name }) => (isInternal ? [] : name))

describe("DeleteTopics", () => {
  it("a topic named twice is answered once, with 42, and stays", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const t = await broker.createTopic("t")
    await broker.createTopic("u")
    assert.deepStrictEqual(await remove(client, [{ name: "t" }, { name: "t" }, { name: "u" }]), [
      ["t", 42, "Duplicate topic name."],
      ["u", 0, null]
    ])
    assert.deepStrictEqual(await remove(client, [{ topicId: t }, { topicId: t }]), [[null, 42, "Duplicate topic id."]])
    const mapped = "The provided topic name maps to an ID that was already supplied."
    assert.deepStrictEqual(await remove(client, [{ name: "t" }, { topicId: t }]), [["t", 42, mapped]])
    assert.deepStrictEqual(await remove(client, [{ topicId: t }, { name: "t" }]), [["t", 42, mapped]])
    assert.deepStrictEqual(await remove(client, [{ name: "t", topicId: t }, {}]), [
      ["t", 42, "You may not specify both topic name and topic id."],
      [null, 42, "Neither topic name nor id were specified."]
    ])
    const { responses } = await client.call(DeleteTopics, 5, { topicNames: ["t", "t", "none"], timeoutMs: 1000 })
    assert.deepStrictEqual(
      responses.map(({ errorCode, name }) => [name, errorCode]),
      [
        ["t", 42],
        ["none", 3]
      ]
    )
    assert.deepStrictEqual(await namesOf(client), ["t"])
    assert.deepStrictEqual(await remove(client, [{ topicId: t }]), [["t", 0, null]])
  })
})

describe("ListOffsets", () => {
  it("a partition named twice is answered once, with 42, its neighbours as ever", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    const ask = async (...topics: ReadonlyArray<ReadonlyArray<number>>) => {
      const answer = await client.call(ListOffsets, 7, {
        topics: topics.map((partitions) => ({
          name: "t",
          partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp: -1n }))
        }))
      })
      return answer.topics.flatMap(({ partitions }) =>
        partitions.map(({ errorCode, partitionIndex }) => [partitionIndex, errorCode])
      )
    }
    const once = [
      [0, 42],
      [1, 0]
    ]
    assert.deepStrictEqual(await ask([0, 1, 0]), once)
    assert.deepStrictEqual(await ask([0], [1], [0]), once)
    assert.deepStrictEqual(await ask([0], [7]), [
      [0, 0],
      [7, 3]
    ])
  })
})

describe("Metadata", () => {
  it("if some go by their ids, names are left out", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const u = await broker.createTopic("u")
    const ask = async (topics: ReadonlyArray<Topic>) => {
      const answer = await client.call(Metadata, 12, { topics, allowAutoTopicCreation: true })
      return answer.topics.map(({ errorCode, name }) => [name, errorCode])
    }
    assert.deepStrictEqual(await ask([{ name: "t" }, { name: null, topicId: u }, { name: "fresh" }]), [["u", 0]])
    assert.deepStrictEqual(await ask([{ name: "t", topicId: u }]), [["u", 0]])
    assert.deepStrictEqual(await ask([{ name: "t" }, { name: "t" }]), [["t", 0]])
    assert.deepStrictEqual(await namesOf(client), ["t", "u"])
  })
})

describe("CreateTopics", () => {
  it("names that differ in . and _ only: the same from a store that answers at once and from one that takes its time", async () => {
    for (const options of [{}, { store: answersLater() }]) {
      await using broker = await startBroker({}, options)
      const client = await broker.connect()
      const make = async (...names: ReadonlyArray<string>) => {
        const topics = names.map((name) => ({ name, numPartitions: 1, replicationFactor: 1 }))
        return (await client.call(CreateTopics, 7, { topics })).topics.map(({ errorCode }) => errorCode)
      }
      assert.deepStrictEqual(await make("d.a", "d_a"), [0, 17])
      assert.deepStrictEqual([await make("e_a"), await make("e.a"), await make("e-a")], [[0], [17], [0]])
      assert.deepStrictEqual(await namesOf(client), ["d.a", "e-a", "e_a"])
    }
  })

  it("a replication factor that cannot be is told in words that tools look for", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    for (const replicationFactor of [0, 3, -2]) {
      const { topics } = await client.call(CreateTopics, 7, {
        topics: [{ name: "t", numPartitions: 1, replicationFactor }]
      })
      assert.strictEqual(topics[0]!.errorCode, 38)
      assert.isTrue(topics[0]!.errorMessage!.startsWith("Replication factor"), topics[0]!.errorMessage!)
    }
  })
})

describe("DescribeConfigs", () => {
  it("of loggers and of client metrics", async () => {
    await using broker = await startBroker({ nodeId: 7 })
    const client = await broker.connect()
    const ask = async (resourceType: number, resourceName: string) => {
      const { results } = await client.call(DescribeConfigs, 4, {
        resources: [{ resourceType, resourceName, configurationKeys: null }]
      })
      const { configs, errorCode } = results[0]!
      return errorCode === 0 ? configs.map(({ name, value }) => `${name}=${value}`) : errorCode
    }
    assert.include(String(await ask(8, "7")), "tusk.net=INFO")
    assert.deepStrictEqual([await ask(8, "1"), await ask(8, ""), await ask(8, "x")], [42, 42, 42])
    assert.deepStrictEqual(await ask(16, "anything"), ["interval.ms=300000", "match=", "metrics="])
    assert.strictEqual(await ask(16, ""), 42)
    assert.strictEqual(await ask(1, "x"), 42)
  })
})
