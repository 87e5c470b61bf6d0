import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { DescribeTopicPartitions } from "@tusk/protocol/messages/DescribeTopicPartitions"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { forVersion } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const [NONE, UNKNOWN, REFUSED, EXISTS, INVALID_REQUEST, UNKNOWN_ID] = [0, 3, 29, 36, 42, 100]
const NOT_ASKED = -2147483648
/** An id of no topic. */
const NOWHERE = "AAECAwQFBgcICQoLDA0ODw"
const named = (...names: ReadonlyArray<string>) => names.map((name) => ({ name }))

describe("which topics there are, and what may be made of them", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest
  let client: WireClient
  let open: string
  let hidden: string

  beforeAll(async () => {
    broker = await startBroker({}, { authorizer: rights })
    client = await broker.connect()
    open = await broker.createTopic("open")
    hidden = await broker.createTopic("hidden")
  })
  afterAll(() => broker[Symbol.asyncDispose]())
  beforeEach(() => rights.allow(() => true))

  describe("Metadata", () => {
    const metadata = async (version: number, request: object) => {
      const said = forVersion(Metadata, version, { allowAutoTopicCreation: false, ...request })
      const { topics } = await client.call(Metadata, version, said)
      return topics.map(({ errorCode, name, topicId }) => [name, topicId, errorCode])
    }

    it("of all topics tells of those alone that may be described, and no refusal is logged", async () => {
      for (const version of [0, 1, 9, 13]) {
        rights.only("describe topic open")
        const told = await metadata(version, { topics: version === 0 ? [] : null })
        assert.deepStrictEqual(told, [["open", version >= 10 ? open : ZERO_UUID, NONE]], `version ${version}`)
        assert.deepStrictEqual(rights.asked, [])
      }
    })

    it("of topics by name tells nothing that Describe is missing for, be it there or not", async () => {
      rights.only("describe topic open", "describe topic missing")
      for (const version of [4, 10, 13]) {
        assert.deepStrictEqual(await metadata(version, { topics: named("hidden", "open", "nowhere", "missing") }), [
          ["hidden", ZERO_UUID, REFUSED],
          ["open", version >= 10 ? open : ZERO_UUID, NONE],
          ["nowhere", ZERO_UUID, REFUSED],
          ["missing", ZERO_UUID, UNKNOWN]
        ])
      }
    })

    it("by id tells no name without Describe", async () => {
      rights.only("describe topic open")
      const topics = [hidden, open, NOWHERE].map((topicId) => ({ name: null, topicId }))
      assert.deepStrictEqual(await metadata(12, { topics }), [
        [null, hidden, REFUSED],
        ["open", open, NONE],
        [null, NOWHERE, UNKNOWN_ID]
      ])
    })

    it("makes a topic with Create on the cluster or the topic, and asks for neither if none is to be made", async () => {
      const request = (name: string) => ({ topics: named(name), allowAutoTopicCreation: true })
      rights.allow((right) => right.startsWith("describe") || right === "create topic by-topic")
      assert.deepStrictEqual(await metadata(9, request("by-nobody")), [["by-nobody", ZERO_UUID, REFUSED]])
      assert.deepStrictEqual(rights.askedQuietly, ["create cluster kafka-cluster"])
      assert.strictEqual((await metadata(9, request("by-topic")))[0]![2], NONE)
      rights.allow((right) => right.startsWith("describe") || right === "create cluster kafka-cluster")
      assert.strictEqual((await metadata(9, request("by-cluster")))[0]![2], NONE)
      rights.only("create cluster kafka-cluster")
      assert.strictEqual((await metadata(9, request("undescribed")))[0]![2], REFUSED)
      rights.allow(() => true)
      const all = await metadata(9, { topics: null })
      const made = all.map(([name]) => String(name)).filter((name) => name !== "open" && name !== "hidden")
      assert.deepStrictEqual(
        made.filter((name) => !name.startsWith("__")),
        ["by-cluster", "by-topic"]
      )
    })

    it("tells what may be done to what is described, and to the cluster with Describe on it", async () => {
      const request = { includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }
      const bits = async () => {
        const topics = named("hidden", "open", "missing")
        const answer = await client.call(Metadata, 8, { ...request, topics, allowAutoTopicCreation: false })
        return [answer.clusterAuthorizedOperations, ...answer.topics.map((one) => one.topicAuthorizedOperations)]
      }
      const bit = (code: number) => 1 << code
      rights.only("describe topic open", "read topic open", "alter cluster kafka-cluster", "describe topic missing")
      assert.deepStrictEqual(await bits(), [0, NOT_ASKED, bit(8) | bit(3), bit(8)])
      rights.only("describe cluster kafka-cluster", "alter cluster kafka-cluster")
      assert.deepStrictEqual(await bits(), [bit(8) | bit(7), NOT_ASKED, NOT_ASKED, NOT_ASKED])
    })
  })

  describe("DescribeTopicPartitions", () => {
    const described = async (names: ReadonlyArray<string>, limit: number, from?: string) => {
      const cursor = from === undefined ? null : { topicName: from, partitionIndex: 0 }
      const request = { topics: named(...names), responsePartitionLimit: limit, cursor }
      const { nextCursor, topics } = await client.call(DescribeTopicPartitions, 0, request)
      return { next: nextCursor?.topicName, topics: topics.map(({ errorCode, name }) => [name, errorCode]) }
    }

    it("of all topics tells of those alone that may be described", async () => {
      rights.only("describe topic open", "describe topic by-topic")
      const topics = [["by-topic", NONE]]
      assert.deepStrictEqual(await described([], 1), { next: "open", topics })
      assert.deepStrictEqual(await described([], 9, "hidden"), { next: undefined, topics: [["open", NONE]] })
    })

    it("by name tells refusals last, and nothing of whether they are there", async () => {
      rights.only("describe topic open", "describe topic missing")
      assert.deepStrictEqual(await described(["hidden", "open", "missing", "nowhere"], 9), {
        next: undefined,
        topics: [
          ["missing", UNKNOWN],
          ["open", NONE],
          ["hidden", REFUSED],
          ["nowhere", REFUSED]
        ]
      })
    })
  })

  describe("CreateTopics", () => {
    const wish = (name: string) => ({ name, numPartitions: 1, replicationFactor: 1 })
    const created = async (version: number, names: ReadonlyArray<string>, validateOnly = true) => {
      const { topics } = await client.call(CreateTopics, version, { topics: names.map(wish), validateOnly })
      return topics
    }

    it("asks for Create on the cluster, else on each topic, before it looks whether it is there", async () => {
      rights.only("create topic new", "create topic open")
      const topics = await created(7, ["new", "open", "hidden", "nowhere"])
      assert.deepStrictEqual(
        topics.map(({ errorCode, errorMessage, name }) => [name, errorCode, errorMessage]),
        [
          ["new", NONE, null],
          ["open", EXISTS, "Topic 'open' already exists."],
          ["hidden", REFUSED, "Authorization failed."],
          ["nowhere", REFUSED, "Authorization failed."]
        ]
      )
      rights.only("create cluster kafka-cluster")
      assert.deepStrictEqual(
        (await created(1, ["new", "hidden"])).map(({ errorCode }) => errorCode),
        [NONE, EXISTS]
      )
      assert.deepStrictEqual(rights.asked, [])
    })

    it("tells configs to those who may describe them", async () => {
      rights.only("create cluster kafka-cluster", "describeConfigs topic described")
      const [described, made] = await created(7, ["described", "made"], false)
      assert.deepStrictEqual([described!.topicConfigErrorCode, described!.numPartitions], [NONE, 1])
      assert.isAbove(described!.configs!.length, 10)
      assert.notStrictEqual(made!.topicId, ZERO_UUID)
      assert.deepStrictEqual(
        [made!.errorCode, made!.topicConfigErrorCode, made!.numPartitions, made!.replicationFactor, made!.configs],
        [NONE, REFUSED, -1, -1, []]
      )
      assert.deepStrictEqual(rights.asked, [])
    })
  })

  it("CreatePartitions asks for Alter", async () => {
    rights.only("alter topic open", "alter topic missing")
    const topics = ["hidden", "open", "missing", "nowhere"].map((name) => ({ name, count: 4, assignments: null }))
    const request = { topics, timeoutMs: 1000, validateOnly: true }
    const { results } = await client.call(CreatePartitions, 3, request)
    assert.deepStrictEqual(
      results.map(({ errorCode, errorMessage, name }) => [name, errorCode, errorMessage]),
      [
        ["hidden", REFUSED, null],
        ["open", NONE, null],
        ["missing", UNKNOWN, null],
        ["nowhere", REFUSED, null]
      ]
    )
  })

  describe("DeleteTopics", () => {
    type Asked = { readonly name: string | null; readonly topicId?: string }
    const deleted = async (...topics: ReadonlyArray<Asked>) => {
      const { responses } = await client.call(DeleteTopics, 6, { topics, timeoutMs: 1000 })
      return responses.map(({ errorCode, name, topicId }) => [name, topicId, errorCode])
    }
    const id = (topicId: string): Asked => ({ name: null, topicId })

    it("asks for Delete; without Describe it is not told whether it is there, nor a name to an id", async () => {
      rights.only("describe topic open", "describe topic missing", "delete topic missing")
      assert.deepStrictEqual(await deleted(...named("open", "hidden", "missing", "nowhere"), id(hidden), id(NOWHERE)), [
        ["open", ZERO_UUID, REFUSED],
        ["hidden", ZERO_UUID, REFUSED],
        ["missing", ZERO_UUID, UNKNOWN],
        ["nowhere", ZERO_UUID, REFUSED],
        [null, hidden, REFUSED],
        [null, NOWHERE, UNKNOWN_ID]
      ])
      assert.deepStrictEqual(await deleted(id(open)), [["open", open, REFUSED]])
    })

    it("which id a name has is told by no refusal", async () => {
      rights.only()
      assert.deepStrictEqual(await deleted({ name: "hidden" }, id(hidden)), [
        ["hidden", ZERO_UUID, REFUSED],
        [null, hidden, REFUSED]
      ])
      assert.deepStrictEqual(await deleted(id(hidden), id(hidden), { name: "hidden" }), [
        [null, hidden, INVALID_REQUEST],
        ["hidden", ZERO_UUID, REFUSED]
      ])
      rights.only("describe topic hidden", "delete topic hidden")
      assert.deepStrictEqual(await deleted({ name: "hidden" }, id(hidden)), [["hidden", hidden, INVALID_REQUEST]])
    })

    it("Delete on the cluster is Delete on every topic", async () => {
      rights.only("delete cluster kafka-cluster")
      assert.deepStrictEqual(
        (await deleted({ name: "nowhere" }, { name: "made" })).map(([, , code]) => code),
        [UNKNOWN, NONE]
      )
      assert.deepStrictEqual(rights.asked, [])
    })
  })
})
