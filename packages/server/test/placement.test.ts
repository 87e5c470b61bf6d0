import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import type { Api } from "@tusk/protocol/codec/Api"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import { DescribeTopicPartitions } from "@tusk/protocol/messages/DescribeTopicPartitions"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareAcknowledge } from "@tusk/protocol/messages/ShareAcknowledge"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import * as Layer from "effect/Layer"
import { handlers } from "../src/handlers/index.ts"
import type { Handler } from "../src/request/Handler.ts"
import { Placement } from "../src/request/Placement.ts"
import { batchOf, valuesOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { SENSIBLE } from "./handlers/sensible.ts"
import { forVersion } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const NOT_LEADER_OR_FOLLOWER = 6
const LEADER_NOT_AVAILABLE = 5
const NOT_COORDINATOR = 16
const FENCED_LEADER_EPOCH = 74
const UNKNOWN_LEADER_EPOCH = 75

const EPOCH = 7
const NOBODY = { leaderId: -1, leaderEpoch: -1 }
const THEM = { leaderId: 2, leaderEpoch: EPOCH }
const THEIR_NODE = { nodeId: 2, host: "them", port: 9000, rack: "r2" }

/** Three partitions: the first is led here, the second by another broker, the third by one that is away. */
const LEADERS = [1, 2, 3]
/** Partition ids begin with 1. */
const leaderOf = (partitionId: number) => LEADERS[partitionId - 1] ?? 1

const placement = Layer.succeed(
  Placement,
  Placement.of({
    me: 1,
    nodeIds: () => new Set([1, 2]),
    brokers: ({ advertisedHost, advertisedPort }) => [
      { nodeId: 1, host: advertisedHost, port: advertisedPort, rack: null },
      THEIR_NODE
    ],
    leaderOf,
    leaderEpochOf: () => EPOCH,
    coordinatorOf: (keyType, key) => (keyType === 1 ? 3 : key.startsWith("mine") ? 1 : 2),
    controller: () => 2
  })
)

describe("when another broker leads or coordinates", () => {
  let broker: BrokerUnderTest
  let client: WireClient
  let topicId: string

  beforeAll(async () => {
    broker = await startBroker({}, { parts: { placement } })
    client = await broker.connect()
    topicId = await broker.createTopic("t", 3)
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  it("DescribeCluster and Metadata tell of all brokers and of the controller", async () => {
    const cluster = await client.call(DescribeCluster, 2, { endpointType: 1 })
    assert.deepStrictEqual(
      cluster.brokers.map(({ brokerId, host, rack }) => [brokerId, host, rack]),
      [
        [1, "127.0.0.1", null],
        [2, "them", "r2"]
      ]
    )
    assert.strictEqual(cluster.controllerId, 2)
    const { brokers, controllerId } = await client.call(Metadata, 12, { topics: [] })
    assert.deepStrictEqual(
      brokers.map(({ nodeId, port }) => [nodeId, port]),
      [
        [1, broker.port],
        [2, 9000]
      ]
    )
    assert.strictEqual(controllerId, 2)
  })

  it("Metadata and DescribeTopicPartitions tell each partition's leader, and which has none", async () => {
    const { topics } = await client.call(Metadata, 12, { topics: [{ name: "t" }] })
    const described = await client.call(DescribeTopicPartitions, 0, {
      topics: [{ name: "t" }],
      responsePartitionLimit: 10
    })
    for (const { partitions } of [topics[0]!, described.topics[0]!]) {
      assert.deepStrictEqual(
        partitions.map((each) => [each.errorCode, each.leaderId, each.leaderEpoch, each.replicaNodes]),
        [
          [0, 1, EPOCH, [1]],
          [0, 2, EPOCH, [2]],
          [LEADER_NOT_AVAILABLE, -1, EPOCH, [3]]
        ]
      )
      assert.deepStrictEqual(
        partitions.map(({ isrNodes, offlineReplicas }) => [isrNodes, offlineReplicas]),
        [
          [[1], []],
          [[2], []],
          [[], [3]]
        ]
      )
    }
  })

  it.each([9, 10, 13])("Produce %i is sent on to the leader, named from version 10 on", async (version) => {
    const partitionData = [0, 1].map((index) => ({ index, records: batchOf(["a"]) }))
    const request = forVersion(Produce, version, { acks: -1, topicData: [{ name: "t", topicId, partitionData }] })
    const { nodeEndpoints, responses } = await client.call(Produce, version, request)
    assert.deepStrictEqual(
      responses[0]!.partitionResponses.map(({ currentLeader, errorCode }) => [errorCode, currentLeader]),
      [
        [0, NOBODY],
        [NOT_LEADER_OR_FOLLOWER, version >= 10 ? THEM : NOBODY]
      ]
    )
    assert.deepStrictEqual(nodeEndpoints, version >= 10 ? [THEIR_NODE] : [])
  })

  it.each([12, 15, 16, 18])("Fetch %i is sent on to the leader, named from version 16 on", async (version) => {
    const partitions = [0, 1].map((partition) => ({ partition, partitionMaxBytes: 1 << 20 }))
    const asked = { maxBytes: 1 << 20, sessionEpoch: -1, topics: [{ topic: "t", topicId, partitions }] }
    const { nodeEndpoints, responses } = await client.call(Fetch, version, forVersion(Fetch, version, asked))
    const [here, there] = responses[0]!.partitions
    assert.deepStrictEqual([here!.errorCode, here!.currentLeader], [0, NOBODY])
    assert.include(valuesOf(here!.records), "a")
    const isTold = version >= 16
    assert.deepStrictEqual([there!.errorCode, there!.currentLeader], [NOT_LEADER_OR_FOLLOWER, isTold ? THEM : NOBODY])
    assert.deepStrictEqual(nodeEndpoints, isTold ? [THEIR_NODE] : [])
  })

  it("Fetch, ListOffsets and OffsetForLeaderEpoch compare epochs if this broker leads, and only then", async () => {
    const epochs = [EPOCH - 1, EPOCH, EPOCH + 1]
    const here = [FENCED_LEADER_EPOCH, 0, UNKNOWN_LEADER_EPOCH]
    for (const [partition, expected] of [here, epochs.map(() => NOT_LEADER_OR_FOLLOWER)].entries()) {
      const found = await Promise.all(
        epochs.map(async (currentLeaderEpoch) => {
          const fetching = { partition, currentLeaderEpoch, partitionMaxBytes: 1000 }
          const asked = { maxBytes: 1000, sessionEpoch: -1, topics: [{ topicId, partitions: [fetching] }] }
          const fetched = await client.call(Fetch, 18, asked)
          const offsets = await client.call(ListOffsets, 7, {
            topics: [{ name: "t", partitions: [{ partitionIndex: partition, currentLeaderEpoch, timestamp: -1n }] }]
          })
          const ended = await client.call(OffsetForLeaderEpoch, 4, {
            topics: [{ topic: "t", partitions: [{ partition, currentLeaderEpoch, leaderEpoch: 1 }] }]
          })
          const codes = [
            fetched.responses[0]!.partitions[0]!.errorCode,
            offsets.topics[0]!.partitions[0]!.errorCode,
            ended.topics[0]!.partitions[0]!.errorCode
          ]
          assert.lengthOf(new Set(codes), 1)
          return codes[0]
        })
      )
      assert.deepStrictEqual(found, expected)
    }
  })

  it("DeleteRecords is the leader's", async () => {
    const { topics } = await client.call(DeleteRecords, 2, {
      topics: [{ name: "t", partitions: [{ partitionIndex: 1, offset: -1n }] }]
    })
    assert.strictEqual(topics[0]!.partitions[0]!.errorCode, NOT_LEADER_OR_FOLLOWER)
  })

  it("ShareFetch and ShareAcknowledge are the leader's", async () => {
    const partitions = [{ partitionIndex: 1, acknowledgementBatches: [] }]
    const member = { groupId: "mine", memberId: "m" }
    const fetching = { maxBytes: 1000, maxRecords: 10, topics: [{ topicId, partitions }] }
    const fetched = await client.call(ShareFetch, 1, { ...member, shareSessionEpoch: 0, ...fetching })
    const acknowledgementBatches = [{ firstOffset: 0n, lastOffset: 0n, acknowledgeTypes: [1] }]
    const acknowledged = await client.call(ShareAcknowledge, 1, {
      ...member,
      shareSessionEpoch: 1,
      topics: [{ topicId, partitions: [{ partitionIndex: 1, acknowledgementBatches }] }]
    })
    for (const { nodeEndpoints, responses } of [fetched, acknowledged]) {
      const { currentLeader, errorCode } = responses[0]!.partitions[0]!
      assert.deepStrictEqual([errorCode, currentLeader], [NOT_LEADER_OR_FOLLOWER, THEM])
      assert.deepStrictEqual(nodeEndpoints, [THEIR_NODE])
    }
  })

  it("FindCoordinator names it, or says that it is away", async () => {
    const { coordinators } = await client.call(FindCoordinator, 4, { coordinatorKeys: ["mine", "theirs"] })
    assert.deepStrictEqual(
      coordinators.map(({ errorCode, host, key, nodeId, port }) => [key, errorCode, nodeId, host, port]),
      [
        ["mine", 0, 1, "127.0.0.1", broker.port],
        ["theirs", 0, 2, "them", 9000]
      ]
    )
    const old = await client.call(FindCoordinator, 3, { key: "theirs" })
    assert.deepStrictEqual([old.errorCode, old.nodeId, old.host], [0, 2, "them"])
    const away = await client.call(FindCoordinator, 4, { keyType: 1, coordinatorKeys: ["x"] })
    assert.deepStrictEqual([away.coordinators[0]!.errorCode, away.coordinators[0]!.nodeId], [15, -1])
  })

  it("ListGroups tells of the groups that are coordinated here", async () => {
    const committing = (groupId: string) =>
      client.call(OffsetCommit, 8, {
        groupId,
        generationIdOrMemberEpoch: -1,
        topics: [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: 1n }] }]
      })
    assert.strictEqual((await committing("mine")).topics[0]!.partitions[0]!.errorCode, 0)
    assert.strictEqual((await committing("theirs")).topics[0]!.partitions[0]!.errorCode, NOT_COORDINATOR)
    const { groups } = await client.call(ListGroups, 5, {})
    assert.deepStrictEqual(
      groups.map(({ groupId }) => groupId),
      ["mine"]
    )
  })

  it("a replica can be wished for on every broker that is there", async () => {
    const { topics } = await client.call(CreateTopics, 7, {
      topics: [2, 3].map((broker) => ({
        name: `on-${broker}`,
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [broker] }]
      }))
    })
    assert.deepStrictEqual(
      topics.map(({ errorCode }) => errorCode),
      [0, 39]
    )
  })

  const OF_GROUPS = /Group|Offset(Commit|Fetch|Delete)|^Heartbeat/
  const ofGroups = (handlers as ReadonlyArray<Handler>).filter(
    ({ api }) => OF_GROUPS.test(api.name) && api !== (ListGroups as Api<any, any>)
  )
  it.each(ofGroups.map(({ api }) => api.name))("%s is the coordinator's", async (name) => {
    const { api, versions } = ofGroups.find((handler) => handler.api.name === name)!
    // Offsets of a topic that is not there are not committed, whichever broker coordinates.
    await client.call(CreateTopics, 7, { topics: [{ name: "there", numPartitions: 1, replicationFactor: 1 }] })
    for (const version of new Set(versions)) {
      const request = SENSIBLE[name]!.request({ topicId, fresh: "theirs" }, version)
      const answer = await client.call<any, any>(api, version, forVersion<any, any>(api, version, request))
      const codes = JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value))
      assert.include(codes, `"errorCode":${NOT_COORDINATOR}`, `version ${version}`)
    }
  })
})
