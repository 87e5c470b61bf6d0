import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { DescribeProducers } from "@tusk/protocol/messages/DescribeProducers"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"
import { Rights } from "./Rights.ts"

const [NONE, UNKNOWN, REFUSED, TRANSACTIONAL_ID_REFUSED, UNKNOWN_ID] = [0, 3, 29, 53, 100]
/** An id of no topic. */
const NOWHERE = "AAECAwQFBgcICQoLDA0ODw"

describe("what may be done with the records of topics", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest
  let client: WireClient
  let ids: Readonly<Record<string, string>>

  beforeAll(async () => {
    broker = await startBroker({}, { authorizer: rights })
    client = await broker.connect()
    ids = {
      open: await broker.createTopic("open"),
      hidden: await broker.createTopic("hidden"),
      missing: NOWHERE
    }
  })
  afterAll(() => broker[Symbol.asyncDispose]())
  beforeEach(() => rights.allow(() => true))

  const topicData = (names: ReadonlyArray<string>, records: Uint8Array = batchOf(["a"])) =>
    names.map((name) => ({ name, topicId: ids[name]!, partitionData: [{ index: 0, records }] }))

  const produced = async (version: number, names: ReadonlyArray<string>, transactionalId: string | null = null) => {
    const records =
      transactionalId === null
        ? batchOf(["a"])
        : encodeBatch([{ value: Buffer.from("a") }], {
            producerId: 7n,
            producerEpoch: 0,
            baseSequence: 0,
            isTransactional: true
          })
    const request = { acks: -1, timeoutMs: 1000, transactionalId, topicData: topicData(names, records) }
    const { responses } = await client.call(Produce, version, request)
    return responses.map(({ name, partitionResponses: [one] }) => [name, one!.errorCode, one!.errorMessage])
  }

  describe("Produce", () => {
    it("asks for Write on each topic, and for nothing of a transactional id without records of a transaction", async () => {
      rights.only("write topic open")
      assert.deepStrictEqual(await produced(9, ["hidden", "open", "missing"]), [
        ["hidden", REFUSED, null],
        ["open", NONE, null],
        ["missing", REFUSED, null]
      ])
      assert.deepStrictEqual(rights.asked, ["write topic hidden", "write topic open", "write topic missing"])
      const named = { acks: -1, timeoutMs: 1000, transactionalId: "t", topicData: topicData(["open"]) }
      const { responses } = await client.call(Produce, 9, named)
      assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, NONE)
    })

    it("by ids: refused if there is such a topic, as an id is no secret, and its name is not told", async () => {
      rights.only("write topic open")
      assert.deepStrictEqual(await produced(13, ["hidden", "open", "missing"]), [
        ["", REFUSED, null],
        ["", NONE, null],
        ["", UNKNOWN_ID, null]
      ])
    })

    it("records of a transaction are refused as a whole without Write on the transactional id", async () => {
      rights.only("write topic open", "write topic hidden")
      assert.deepStrictEqual(await produced(9, ["hidden", "open", "missing"], "t"), [
        ["hidden", TRANSACTIONAL_ID_REFUSED, null],
        ["open", TRANSACTIONAL_ID_REFUSED, null],
        ["missing", TRANSACTIONAL_ID_REFUSED, null]
      ])
      assert.deepStrictEqual(rights.asked, ["write transactionalId t"])
      rights.only("write transactionalId t")
      assert.deepStrictEqual(await produced(9, ["open"], "t"), [["open", REFUSED, null]])
    })

    it("with acks=0 the connection ends", async () => {
      rights.only()
      const silent = await broker.connect()
      silent.send(Produce, 9, { acks: 0, timeoutMs: 1000, topicData: topicData(["open"]) })
      await silent.closed
      assert.deepStrictEqual(silent.frames, [])
    })
  })

  it("ListOffsets asks for Describe; what is refused is told last, whether it is there or not", async () => {
    rights.only("describe topic open", "describe topic missing")
    const topics = ["hidden", "open", "nowhere", "missing"].map((name) => ({
      name,
      partitions: [{ partitionIndex: 0, timestamp: -1n }]
    }))
    for (const version of [0, 1, 4, 11]) {
      const answer = await client.call(ListOffsets, version, { replicaId: -1, topics })
      assert.deepStrictEqual(
        answer.topics.map(({ name, partitions: [one] }) => [name, one!.errorCode]),
        [
          ["open", NONE],
          ["missing", UNKNOWN],
          ["hidden", REFUSED],
          ["nowhere", REFUSED]
        ],
        `version ${version}`
      )
      const { errorCode: _code, ...told } = answer.topics[2]!.partitions[0]!
      assert.deepStrictEqual(told, {
        partitionIndex: 0,
        oldStyleOffsets: [],
        timestamp: -1n,
        offset: -1n,
        leaderEpoch: -1
      })
    }
  })

  it("OffsetForLeaderEpoch asks for Describe on topics, or for Cluster Action", async () => {
    const topics = ["hidden", "open", "missing"].map((topic) => ({
      topic,
      partitions: [{ partition: 0, leaderEpoch: 0 }]
    }))
    const codes = async () => {
      const answer = await client.call(OffsetForLeaderEpoch, 4, { replicaId: -1, topics })
      return answer.topics.map(({ partitions: [one], topic }) => [topic, one!.errorCode])
    }
    rights.only("describe topic open", "describe topic missing")
    assert.deepStrictEqual(await codes(), [
      ["open", NONE],
      ["missing", UNKNOWN],
      ["hidden", REFUSED]
    ])
    assert.deepStrictEqual(rights.askedQuietly, ["clusterAction cluster kafka-cluster"])
    rights.only("clusterAction cluster kafka-cluster")
    assert.deepStrictEqual(await codes(), [
      ["hidden", NONE],
      ["open", NONE],
      ["missing", UNKNOWN]
    ])
    assert.deepStrictEqual(rights.asked, [])
  })

  it("DeleteRecords asks for Delete, and deletes nothing without it", async () => {
    await produced(9, ["hidden"])
    rights.only("delete topic open", "delete topic missing")
    const topics = ["hidden", "open", "missing", "__consumer_offsets"].map((name) => ({
      name,
      partitions: [{ partitionIndex: 0, offset: -1n }]
    }))
    const answer = await client.call(DeleteRecords, 2, { timeoutMs: 1000, topics })
    assert.deepStrictEqual(
      answer.topics.map(({ name, partitions: [one] }) => [name, one!.errorCode]),
      [
        ["hidden", REFUSED],
        ["open", NONE],
        ["missing", UNKNOWN],
        ["__consumer_offsets", REFUSED]
      ]
    )
    rights.allow(() => true)
    const partitions = [{ partitionIndex: 0, timestamp: -2n }]
    const offsets = await client.call(ListOffsets, 5, { replicaId: -1, topics: [{ name: "hidden", partitions }] })
    assert.strictEqual(offsets.topics[0]!.partitions[0]!.offset, 0n)
  })

  it("DescribeProducers asks for Read, once the name can be one", async () => {
    rights.only("read topic open", "read topic missing")
    const topics = ["hidden", "open", "missing", "no name"].map((name) => ({ name, partitionIndexes: [0, 9] }))
    const answer = await client.call(DescribeProducers, 0, { topics })
    assert.deepStrictEqual(
      answer.topics.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
      [
        [REFUSED, REFUSED],
        [NONE, UNKNOWN],
        [UNKNOWN, UNKNOWN],
        [17, 17]
      ]
    )
    assert.strictEqual(answer.topics[0]!.partitions[0]!.errorMessage, "Topic authorization failed.")
    assert.deepStrictEqual(rights.asked, ["read topic hidden", "read topic open", "read topic missing"])
  })
})
