/** The topics in which Apache Kafka's coordinators keep their state: listed and empty here; no client writes there. */
import { assert, describe, it } from "@effect/vitest"
import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { DescribeTopicPartitions } from "@tusk/protocol/messages/DescribeTopicPartitions"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"

const NAMES = ["__consumer_offsets", "__transaction_state"]
const INVALID_TOPIC = 17

describe.each(NAMES)("%s", (name) => {
  it("is listed as internal, with Kafka's 50 partitions, by its name, its id and among all", async () => {
    await using broker = await startBroker({ autoCreateTopicsEnable: false })
    const client = await broker.connect()
    await broker.createTopic("A")
    await broker.createTopic("t")
    const all = await client.call(Metadata, 12, { topics: null })
    assert.deepStrictEqual(
      all.topics.map(({ isInternal, name, partitions }) => [name, isInternal, partitions.length]),
      [["A", false, 1], ...NAMES.map((each) => [each, true, 50]), ["t", false, 1]]
    )
    const { topics } = await client.call(Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: false })
    const [byName] = topics
    assert.deepStrictEqual([byName!.errorCode, byName!.isInternal, byName!.partitions[49]!.leaderId], [0, true, 1])
    const byId = await client.call(Metadata, 12, { topics: [{ name: null, topicId: byName!.topicId }] })
    assert.deepStrictEqual(byId.topics, topics)
    const described = await client.call(DescribeTopicPartitions, 0, { topics: [{ name }], responsePartitionLimit: 100 })
    const [topic] = described.topics
    assert.deepStrictEqual([topic!.topicId, topic!.isInternal, topic!.partitions.length], [byName!.topicId, true, 50])
  })

  it("is read, and empty: a fetch waits at its start", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { topics } = await client.call(Metadata, 12, { topics: [{ name }] })
    const { topicId } = topics[0]!
    const fetch = async (fetchOffset: bigint, version: number, minBytes: number) => {
      const began = performance.now()
      const { responses } = await client.call(Fetch, version, {
        maxWaitMs: 120,
        minBytes,
        maxBytes: 1000,
        sessionEpoch: -1,
        topics: [
          {
            ...(version >= 13 ? { topicId } : { topic: name }),
            partitions: [{ partition: 49, fetchOffset, partitionMaxBytes: 1000 }]
          }
        ]
      })
      const { errorCode, highWatermark, records } = responses[0]!.partitions[0]!
      const waited = performance.now() - began > 110 ? "waited" : "at once"
      return [errorCode, Number(highWatermark), Buffer.concat(records ?? []).length, waited]
    }
    for (const version of [0, 4, 12, 13, 18]) {
      assert.deepStrictEqual(await fetch(0n, version, 1), [0, 0, 0, "waited"], `version ${version}`)
    }
    assert.deepStrictEqual(await fetch(0n, 12, 0), [0, 0, 0, "at once"])
    assert.deepStrictEqual(await fetch(1n, 12, 1), [1, -1, 0, "at once"])

    const offsets = async (timestamp: bigint, partitionIndex = 0) => {
      const partitions = [{ partitionIndex, timestamp }]
      const answer = await client.call(ListOffsets, 10, { replicaId: -1, topics: [{ name, partitions }] })
      const { errorCode, offset } = answer.topics[0]!.partitions[0]!
      return [errorCode, Number(offset)]
    }
    assert.deepStrictEqual(
      [await offsets(-1n), await offsets(-2n)],
      [
        [0, 0],
        [0, 0]
      ]
    )
    assert.deepStrictEqual(
      [await offsets(-3n), await offsets(0n), await offsets(-1n, 50)],
      [
        [0, -1],
        [0, -1],
        [3, -1]
      ]
    )
    const epochs = await client.call(OffsetForLeaderEpoch, 4, {
      topics: [{ topic: name, partitions: [{ partition: 0, leaderEpoch: 1 }] }]
    })
    assert.strictEqual(epochs.topics[0]!.partitions[0]!.errorCode, 0)
  })

  it("is written, made, grown, emptied and deleted by no client", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { topics } = await client.call(Metadata, 12, { topics: [{ name }] })
    const { topicId } = topics[0]!
    const partitionData = [{ index: 0, records: batchOf(["a"]) }]
    for (const version of [9, 12, 13]) {
      const topicData = [{ ...(version >= 13 ? { topicId } : { name }), partitionData }]
      const { responses } = await client.call(Produce, version, { acks: -1, topicData })
      assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, INVALID_TOPIC, `version ${version}`)
    }
    const made = await client.call(CreateTopics, 7, { topics: [{ name, numPartitions: 1, replicationFactor: 1 }] })
    assert.strictEqual(made.topics[0]!.errorCode, 36)
    const grown = await client.call(CreatePartitions, 3, { topics: [{ name, count: 60, assignments: null }] })
    assert.strictEqual(grown.results[0]!.errorCode, INVALID_TOPIC)
    const partitions = [{ partitionIndex: 0, offset: 0n }]
    const emptied = await client.call(DeleteRecords, 2, { topics: [{ name, partitions }] })
    assert.strictEqual(emptied.topics[0]!.partitions[0]!.errorCode, INVALID_TOPIC)
    const deleted = await client.call(DeleteTopics, 5, { topicNames: [name] })
    assert.strictEqual(deleted.responses[0]!.errorCode, INVALID_TOPIC)
    const { results } = await client.call(DescribeConfigs, 4, {
      resources: [{ resourceType: 2, resourceName: name, configurationKeys: ["cleanup.policy"] }]
    })
    assert.deepStrictEqual([results[0]!.errorCode, results[0]!.configs[0]!.value], [0, "compact"])
  })
})
