import { assert, describe, it } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import type { CreateTopicsRequest } from "@tusk/protocol/messages/CreateTopics"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import * as Effect from "effect/Effect"
import { startBroker } from "../BrokerUnderTest.ts"
import { heldStore } from "../Stores.ts"
import type { Partly, WireClient } from "../WireClient.ts"

type Wish = Partly<CreateTopicsRequest["topics"][number]>

const create = async (client: WireClient, ...wishes: ReadonlyArray<Wish>) => {
  const topics = wishes.map((wish) => ({ numPartitions: -1, replicationFactor: -1, ...wish }))
  return (await client.call(CreateTopics, 7, { topics })).topics
}
const code = async (client: WireClient, wish: Wish) => (await create(client, wish))[0]!.errorCode
const names = async (client: WireClient) =>
  (await client.call(Metadata, 12, { topics: null })).topics
    .filter(({ isInternal }) => !isInternal)
    .map(({ name, partitions }) => [name, partitions.length])

describe("topics made at the same time", () => {
  it("are not both made if their names collide, whichever request makes them", async () => {
    const { hold, store, waiting } = heldStore()
    await using broker = await startBroker({}, { store })
    const clients = await Promise.all([0, 1, 2, 3].map(() => broker.connect()))
    const [first, second, third, fourth] = clients as [WireClient, WireClient, WireClient, WireClient]
    hold(true)
    const automatic = (client: WireClient, name: string) =>
      client
        .call(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: true })
        .then(({ topics }) => topics[0]!.errorCode)
    const dotted = code(first, { name: "a.b" })
    const made = automatic(second, "c.d")
    await Effect.runPromise(waiting)
    const late = [code(third, { name: "a_b" }), automatic(fourth, "c_d")]
    await broker.serves()
    hold(false)
    assert.deepStrictEqual(await Promise.all([dotted, made, ...late]), [0, 0, 17, 17])
    // What was refused is not remembered.
    assert.strictEqual(await code(first, { name: "e_f" }), 0)
    const topics = [{ name: "a.b" }, { name: "c.d" }]
    await first.call(DeleteTopics, 6, { topics })
    assert.deepStrictEqual(await Promise.all([code(third, { name: "a_b" }), code(fourth, { name: "c_d" })]), [0, 0])
  })
})

describe("CreateTopics", () => {
  it("makes topics with ids of their own, by default with num.partitions, and answers their configs", async () => {
    await using broker = await startBroker({ numPartitions: 3 })
    const client = await broker.connect()
    const [a, b] = await create(client, { name: "a" }, { name: "b", numPartitions: 2, replicationFactor: 1 })
    assert.deepStrictEqual([a!.errorCode, a!.numPartitions, a!.replicationFactor], [0, 3, 1])
    assert.deepStrictEqual([b!.errorCode, b!.numPartitions, b!.replicationFactor], [0, 2, 1])
    assert.notStrictEqual(a!.topicId, ZERO_UUID)
    assert.notStrictEqual(a!.topicId, b!.topicId)
    assert.isTrue(a!.configs!.some(({ name, value }) => name === "cleanup.policy" && value === "delete"))
    assert.deepStrictEqual(await names(client), [
      ["a", 3],
      ["b", 2]
    ])
  })

  it("validate-only tells what would be, and makes nothing", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const topics = [
      { name: "a", numPartitions: 2, replicationFactor: 1 },
      { name: "b!", numPartitions: 2, replicationFactor: 1 }
    ]
    const answer = await client.call(CreateTopics, 7, { topics, validateOnly: true })
    assert.deepStrictEqual(
      answer.topics.map(({ errorCode, numPartitions, topicId }) => [errorCode, numPartitions, topicId]),
      [
        [0, 2, ZERO_UUID],
        [17, -1, ZERO_UUID]
      ]
    )
    assert.deepStrictEqual(await names(client), [])
  })

  it("takes at most tusk.max.partitions, and validate-only says so too", async () => {
    await using broker = await startBroker({ maxPartitions: 5 })
    const client = await broker.connect()
    const POLICY_VIOLATION = 44
    const ask = async (numPartitions: number, validateOnly: boolean) =>
      (
        await client.call(CreateTopics, 7, {
          topics: [{ name: "a", numPartitions, replicationFactor: -1 }],
          validateOnly
        })
      ).topics[0]!.errorCode
    assert.strictEqual(await ask(6, true), POLICY_VIOLATION)
    assert.strictEqual(await ask(6, false), POLICY_VIOLATION)
    assert.strictEqual(await ask(5, true), 0)
    assert.strictEqual(await ask(4, false), 0)
    const grow = async (count: number, validateOnly: boolean) =>
      (await client.call(CreatePartitions, 3, { topics: [{ name: "a", count, assignments: null }], validateOnly }))
        .results[0]!.errorCode
    assert.strictEqual(await grow(6, true), POLICY_VIOLATION)
    assert.strictEqual(await grow(6, false), POLICY_VIOLATION)
    assert.strictEqual(await grow(5, false), 0)
  })

  it("refuses each bad wish by its own error; its neighbours are made", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const answer = await create(
      client,
      { name: "twice" },
      { name: "good" },
      { name: "twice" },
      { name: "" },
      { name: ".." },
      { name: "a".repeat(250) },
      { name: "sp ace" },
      { name: "none", numPartitions: 0 },
      { name: "minus", numPartitions: -2 },
      { name: "many", numPartitions: 0x7fffffff },
      { name: "copies", replicationFactor: 3 },
      { name: "zero", replicationFactor: 0 },
      { name: "config", configs: [{ name: "no.such.config", value: "1" }] },
      { name: "value", configs: [{ name: "retention.ms", value: "soon" }] },
      { name: "null", configs: [{ name: "retention.ms", value: null }] }
    )
    assert.deepStrictEqual(Object.fromEntries(answer.map(({ errorCode, name }) => [name.slice(0, 6), errorCode])), {
      twice: 42,
      good: 0,
      "": 17,
      "..": 17,
      aaaaaa: 17,
      "sp ace": 17,
      none: 37,
      minus: 37,
      many: 44,
      copies: 38,
      zero: 38,
      config: 40,
      value: 40,
      null: 40
    })
    assert.include(answer.find(({ name }) => name === "copies")!.errorMessage!, "tusk.max.replication.factor")
    assert.deepStrictEqual(await names(client), [["good", 1]])
    assert.strictEqual(await code(client, { name: "good" }), 36)
  })

  it("names that differ only in . and _ collide", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    assert.strictEqual(await code(client, { name: "a.b" }), 0)
    assert.strictEqual(await code(client, { name: "a_b" }), 17)
    assert.strictEqual(await code(client, { name: "ab" }), 0)
  })

  it("two clients that make the same topic at once: one makes it", async () => {
    await using broker = await startBroker()
    const clients = await Promise.all([1, 2, 3, 4].map(() => broker.connect()))
    const codes = await Promise.all(clients.map((client) => code(client, { name: "t", numPartitions: 2 })))
    assert.deepStrictEqual(codes.sort(), [0, 36, 36, 36])
    assert.deepStrictEqual(await names(clients[0]!), [["t", 2]])
  })

  it("manual assignments: all partitions from 0 on, on the broker there is", async () => {
    await using broker = await startBroker({ nodeId: 5 })
    const client = await broker.connect()
    const assigned = (name: string, ...assignments: ReadonlyArray<readonly [number, ...ReadonlyArray<number>]>) => ({
      name,
      assignments: assignments.map(([partitionIndex, ...brokerIds]) => ({ partitionIndex, brokerIds }))
    })
    assert.strictEqual(await code(client, assigned("a", [1, 5], [0, 5])), 0)
    assert.strictEqual(await code(client, assigned("b", [0, 5], [2, 5])), 39)
    assert.strictEqual(await code(client, assigned("c", [0, 5], [0, 5])), 39)
    assert.strictEqual(await code(client, assigned("d", [0, 6])), 39)
    assert.strictEqual(await code(client, assigned("e", [0, 5, 5])), 39)
    assert.strictEqual(await code(client, assigned("f", [0])), 39)
    assert.strictEqual(await code(client, { ...assigned("g", [0, 5]), numPartitions: 1 }), 42)
    assert.strictEqual(await code(client, { ...assigned("h", [0, 5]), replicationFactor: 1 }), 42)
    assert.deepStrictEqual(await names(client), [["a", 2]])
  })

  it("a setting lets a larger replication factor pass", async () => {
    await using broker = await startBroker({ maxReplicationFactor: 3 })
    const client = await broker.connect()
    assert.strictEqual(await code(client, { name: "a", replicationFactor: 3 }), 0)
    assert.strictEqual(await code(client, { name: "b", replicationFactor: 4 }), 38)
  })
})

describe("CreatePartitions", () => {
  it("adds; it never takes away; validate-only does neither", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    const add = async (count: number, rest: object = {}) => {
      const topics = [{ name: "t", count, assignments: null, ...rest }]
      return (await client.call(CreatePartitions, 3, { topics, timeoutMs: 1000 })).results[0]!.errorCode
    }
    assert.deepStrictEqual([await add(2), await add(1), await add(0), await add(-1)], [37, 37, 37, 37])
    const dry = { topics: [{ name: "t", count: 9, assignments: null }], validateOnly: true }
    assert.strictEqual((await client.call(CreatePartitions, 3, dry)).results[0]!.errorCode, 0)
    assert.deepStrictEqual(await names(client), [["t", 2]])
    assert.strictEqual(await add(4), 0)
    assert.deepStrictEqual(await names(client), [["t", 4]])
    assert.strictEqual(await add(6, { assignments: [{ brokerIds: [1] }] }), 39)
    assert.strictEqual(await add(5, { assignments: [{ brokerIds: [2] }] }), 39)
    assert.strictEqual(await add(5, { assignments: [{ brokerIds: [1] }] }), 0)
    assert.deepStrictEqual(await names(client), [["t", 5]])
    assert.strictEqual(await add(0x7fffffff), 44)
  })

  it("a topic that is not there is 3, one named twice 42", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const wish = (name: string) => ({ name, count: 2, assignments: null })
    const { results } = await client.call(CreatePartitions, 3, { topics: [wish("no"), wish("t"), wish("t")] })
    assert.deepStrictEqual(
      results.map(({ errorCode, name }) => [name, errorCode]),
      [
        ["no", 3],
        ["t", 42]
      ]
    )
    assert.deepStrictEqual(await names(client), [["t", 1]])
  })
})

describe("DeleteTopics", () => {
  it("by name, or by id; the same name then makes another topic", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const first = await broker.createTopic("a")
    const second = await broker.createTopic("b")
    const { responses } = await client.call(DeleteTopics, 6, {
      topics: [{ name: "a" }, { name: null, topicId: second }]
    })
    assert.deepStrictEqual(
      responses.map(({ errorCode, name, topicId }) => [name, topicId, errorCode]),
      [
        ["a", first, 0],
        ["b", second, 0]
      ]
    )
    assert.deepStrictEqual(await names(client), [])
    assert.notStrictEqual(await broker.createTopic("a"), first)
  })

  it("what is not there: 3 by name, 100 by id; named both ways or none 42", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const topicId = await broker.createTopic("t")
    const topics = [
      { name: "no" },
      { name: null, topicId: "AAAAAAAAAAAAAAAAAAAABA" },
      { name: "t", topicId },
      { name: null }
    ]
    const { responses } = await client.call(DeleteTopics, 6, { topics })
    assert.deepStrictEqual(
      responses.map(({ errorCode }) => errorCode),
      [3, 100, 42, 42]
    )
    assert.deepStrictEqual(await names(client), [["t", 1]])
  })

  it("is refused if delete.topic.enable is false", async () => {
    await using broker = await startBroker({ deleteTopicEnable: false })
    const client = await broker.connect()
    await broker.createTopic("t")
    const { responses } = await client.call(DeleteTopics, 5, { topicNames: ["t"] })
    assert.strictEqual(responses[0]!.errorCode, 73)
  })
})
