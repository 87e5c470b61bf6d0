import { assert, describe, it } from "@effect/vitest"
import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import type {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse
} from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetDelete } from "@tusk/protocol/messages/OffsetDelete"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { startBroker } from "../BrokerUnderTest.ts"
import type { Partly, WireClient } from "../WireClient.ts"

const beat = (client: WireClient, rest: Partly<ConsumerGroupHeartbeatRequest>) =>
  client.call(ConsumerGroupHeartbeat, 1, { groupId: "g", memberId: "m", ...rest })

const join = (client: WireClient, memberId: string, rest: Partly<ConsumerGroupHeartbeatRequest> = {}) =>
  beat(client, { memberId, rebalanceTimeoutMs: 60_000, subscribedTopicNames: ["t"], topicPartitions: [], ...rest })

const partitions = ({ assignment, errorCode }: ConsumerGroupHeartbeatResponse) => {
  assert.strictEqual(errorCode, 0)
  return assignment?.topicPartitions.map(({ partitions }) => [...partitions].sort()) ?? null
}

const commit = async (client: WireClient, rest: object, version = 9) => {
  const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: "" }]
  const answer = await client.call(OffsetCommit, version, {
    groupId: "g",
    topics: [{ name: "t", partitions }],
    ...rest
  })
  return answer.topics[0]!.partitions[0]!.errorCode
}

const fetchAs = async (client: WireClient, rest: object) => {
  const { groups } = await client.call(OffsetFetch, 9, { groups: [{ groupId: "g", topics: null, ...rest }] })
  const [group] = groups
  return group!.errorCode === 0 ? group!.topics[0]?.partitions[0]?.committedOffset : group!.errorCode
}

const stateOf = async (client: WireClient) => {
  const { groups } = await client.call(ConsumerGroupDescribe, 1, { groupIds: ["g"] })
  return groups[0]!
}

describe("consumer groups over the wire", () => {
  it("two members share a topic, described and listed; one leaves; the group is deleted", async () => {
    await using broker = await startBroker({ groupConsumerAssignmentIntervalMs: 0 })
    const topicId = await broker.createTopic("t", 4)
    const [a, b] = [await broker.connect(), await broker.connect()]
    const own = (...partitions: ReadonlyArray<number>) => ({ topicPartitions: [{ topicId, partitions }] })

    const first = await join(a, "a")
    assert.deepStrictEqual([first.memberId, first.memberEpoch, first.heartbeatIntervalMs], ["a", 2, 5000])
    assert.deepStrictEqual(partitions(first), [[0, 1, 2, 3]])
    const second = await join(b, "b")
    assert.deepStrictEqual([second.memberEpoch, partitions(second)], [3, []])
    assert.strictEqual((await stateOf(a)).groupState, "Reconciling")
    assert.strictEqual((await stateOf(a)).groupEpoch, 3)
    assert.deepStrictEqual(partitions(await beat(a, { memberId: "a", memberEpoch: 2, ...own(0, 1, 2, 3) })), [[0, 1]])
    assert.strictEqual(partitions(await beat(b, { memberId: "b", memberEpoch: 3 })), null)
    assert.strictEqual((await beat(a, { memberId: "a", memberEpoch: 2, ...own(0, 1) })).memberEpoch, 3)
    assert.deepStrictEqual(partitions(await beat(b, { memberId: "b", memberEpoch: 3 })), [[2, 3]])

    const { members, ...group } = await stateOf(a)
    assert.deepInclude(group, { groupState: "Stable", groupEpoch: 3, assignmentEpoch: 3, assignorName: "uniform" })
    const assignment = { topicPartitions: [{ topicId, topicName: "t", partitions: [0, 1] }] }
    assert.deepInclude(members[0]!, { memberId: "a", memberEpoch: 3, memberType: 1, subscribedTopicNames: ["t"] })
    assert.deepEqual(members[0]!.assignment, assignment)
    assert.deepEqual(members[0]!.targetAssignment, assignment)

    const listed = await a.call(ListGroups, 5, { typesFilter: ["Consumer"], statesFilter: ["stable"] })
    assert.deepInclude(listed.groups[0]!, { groupId: "g", protocolType: "consumer", groupState: "Stable" })
    assert.strictEqual(listed.groups[0]!.groupType, "consumer")
    const old = await a.call(DescribeGroups, 6, { groups: ["g"] })
    assert.deepInclude(old.groups[0]!, { errorCode: 69, groupState: "Dead" })

    const remove = async () => (await a.call(DeleteGroups, 2, { groupsNames: ["g"] })).results[0]!.errorCode
    assert.strictEqual(await remove(), 68)
    assert.strictEqual((await beat(b, { memberId: "b", memberEpoch: -1 })).memberEpoch, -1)
    assert.deepStrictEqual(partitions(await beat(a, { memberId: "a", memberEpoch: 3, ...own(0, 1) })), [[0, 1, 2, 3]])
    await beat(a, { memberId: "a", memberEpoch: -1 })
    assert.strictEqual((await stateOf(a)).groupState, "Empty")
    assert.strictEqual(await remove(), 0)
    assert.strictEqual((await beat(a, { memberId: "a", memberEpoch: 4 })).errorCode, 69)
  })

  it("offsets are committed and read with the member's epoch", async () => {
    await using broker = await startBroker({ groupConsumerAssignmentIntervalMs: 0 })
    await broker.createTopic("t", 1)
    const client = await broker.connect()
    await join(client, "a")
    assert.strictEqual(await commit(client, { memberId: "a", generationIdOrMemberEpoch: 2 }), 0)
    assert.strictEqual(await commit(client, { memberId: "a", generationIdOrMemberEpoch: 3 }), 113)
    assert.strictEqual(await commit(client, { memberId: "x", generationIdOrMemberEpoch: 2 }), 25)
    assert.strictEqual(await commit(client, { memberId: "a", generationIdOrMemberEpoch: 2 }, 8), 35)
    assert.strictEqual(await commit(client, { memberId: "", generationIdOrMemberEpoch: -1 }), 25)
    assert.strictEqual(await fetchAs(client, {}), 5n)
    assert.strictEqual(await fetchAs(client, { memberId: "a", memberEpoch: 2 }), 5n)
    assert.strictEqual(await fetchAs(client, { memberId: "a", memberEpoch: 0 }), 113)
    assert.strictEqual(await fetchAs(client, { memberId: "x", memberEpoch: 2 }), 25)
    // another subscription, another epoch: what it has owned all the time it may still commit as it was
    await beat(client, { memberId: "a", memberEpoch: 2, subscribedTopicNames: ["t", "u"] })
    assert.strictEqual(await commit(client, { memberId: "a", generationIdOrMemberEpoch: 2 }), 0)

    const topics = [{ name: "t", partitions: [{ partitionIndex: 0 }] }]
    const deleted = await client.call(OffsetDelete, 0, { groupId: "g", topics })
    assert.deepStrictEqual([deleted.errorCode, deleted.topics[0]!.partitions[0]!.errorCode], [0, 86])
    await beat(client, { memberId: "a", memberEpoch: -1 })
    assert.strictEqual(await commit(client, { memberId: "", generationIdOrMemberEpoch: -1 }), 0)
    assert.strictEqual(await commit(client, { groupId: "none", memberId: "a", generationIdOrMemberEpoch: 2 }), 69)
  })

  it("a topic that grows reaches members by their next heartbeat; regular expressions are RE2's", async () => {
    await using broker = await startBroker({ groupConsumerAssignmentIntervalMs: 0 })
    await broker.createTopic("orders.a", 1)
    const client = await broker.connect()
    const regex = { subscribedTopicNames: null, subscribedTopicRegex: "orders\\.[a-b]" }
    assert.deepStrictEqual(partitions(await join(client, "a", regex)), [[0]])
    const grown = await client.call(CreatePartitions, 3, {
      topics: [{ name: "orders.a", count: 2, assignments: null }]
    })
    assert.strictEqual(grown.results[0]!.errorCode, 0)
    assert.deepStrictEqual(partitions(await beat(client, { memberId: "a", memberEpoch: 2 })), [[0, 1]])
    await broker.createTopic("orders.b", 1)
    await broker.createTopic("other.orders.a", 1)
    assert.lengthOf(partitions(await beat(client, { memberId: "a", memberEpoch: 3 }))!, 2)
    for (const bad of ["[", "(?=x)", "(a)\\1", "a".repeat(5000)]) {
      const answer = await join(client, "b", { subscribedTopicNames: null, subscribedTopicRegex: bad })
      assert.deepInclude(answer, { errorCode: 128, memberId: null })
    }
  })

  it("refuses what Kafka refuses", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const code = async (rest: Partly<ConsumerGroupHeartbeatRequest>) => {
      const { errorCode, errorMessage } = await join(client, "a", rest)
      return [errorCode, errorMessage]
    }
    assert.deepStrictEqual(await code({ memberId: " " }), [42, "MemberId can't be empty."])
    assert.deepStrictEqual(await code({ groupId: "" }), [42, "GroupId can't be empty."])
    assert.deepStrictEqual(await code({ instanceId: "" }), [42, "InstanceId can't be empty."])
    assert.deepStrictEqual(await code({ rackId: "" }), [42, "RackId can't be empty."])
    assert.deepStrictEqual(await code({ rebalanceTimeoutMs: -1 }), [
      42,
      "RebalanceTimeoutMs must be provided in first request."
    ])
    assert.deepStrictEqual(await code({ topicPartitions: null }), [
      42,
      "TopicPartitions must be empty when (re-)joining."
    ])
    assert.deepStrictEqual(await code({ subscribedTopicNames: null }), [
      42,
      "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
    ])
    assert.deepStrictEqual(await code({ memberEpoch: -2 }), [42, "InstanceId can't be null."])
    assert.deepStrictEqual(await code({ memberEpoch: -3 }), [42, "MemberEpoch is invalid."])
    assert.deepStrictEqual(await code({ subscribedTopicNames: Array.from({ length: 1100 }, () => "x".repeat(1000)) }), [
      42,
      "SubscribedTopicNames are too many."
    ])
    assert.deepStrictEqual(await code({ serverAssignor: "mine" }), [
      112,
      "ServerAssignor mine is not supported. Supported assignors: uniform, range."
    ])
    assert.deepStrictEqual(await code({ memberEpoch: 2 }), [69, "Consumer group g not found."])
    const { memberId } = await client.call(ConsumerGroupHeartbeat, 0, {
      groupId: "g",
      rebalanceTimeoutMs: 1000,
      subscribedTopicNames: [],
      topicPartitions: []
    })
    assert.match(memberId!, /^[\w-]{22}$/)
    assert.strictEqual((await beat(client, { memberId: "x", memberEpoch: 2 })).errorCode, 25)
    assert.strictEqual((await beat(client, { memberId: memberId!, memberEpoch: 8 })).errorCode, 110)
  })
})
