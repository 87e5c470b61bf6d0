import { assert, describe, it } from "@effect/vitest"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import type { JoinGroupRequest } from "@tusk/protocol/messages/JoinGroup"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetDelete } from "@tusk/protocol/messages/OffsetDelete"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import { startBroker } from "../BrokerUnderTest.ts"
import { within } from "../WireClient.ts"
import type { Partly, WireClient } from "../WireClient.ts"

const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAABA"
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const textOf = (data: Uint8Array) => Buffer.from(data).toString()

const joining = (rest: Partly<JoinGroupRequest> = {}): Partly<JoinGroupRequest> => ({
  groupId: "g",
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: bytes("m") }],
  ...rest
})

/** Joins as today's clients do: told an id first, then with it. */
const join = async (client: WireClient, rest: Partly<JoinGroupRequest> = {}) => {
  const told = await client.call(JoinGroup, 9, joining(rest))
  return told.errorCode === 79 ? client.call(JoinGroup, 9, joining({ ...rest, memberId: told.memberId })) : told
}

const sync = (
  client: WireClient,
  generationId: number,
  memberId: string,
  assigned: Readonly<Record<string, string>> = {}
) =>
  client.call(SyncGroup, 5, {
    groupId: "g",
    generationId,
    memberId,
    protocolType: "consumer",
    protocolName: "range",
    assignments: Object.entries(assigned).map(([memberId, text]) => ({ memberId, assignment: bytes(text) }))
  })

const heartbeat = async (client: WireClient, generationId: number, memberId: string) =>
  (await client.call(Heartbeat, 4, { groupId: "g", generationId, memberId })).errorCode

const commit = async (client: WireClient, offset: bigint, rest: object = {}, partitionIndex = 0) => {
  const partitions = [{ partitionIndex, committedOffset: offset, committedLeaderEpoch: 3, committedMetadata: "note" }]
  const { topics } = await client.call(OffsetCommit, 9, { groupId: "g", topics: [{ name: "t", partitions }], ...rest })
  return topics[0]!.partitions[0]!.errorCode
}

describe("membership", () => {
  it("two members join, are assigned, beat, and one leaves", async () => {
    await using broker = await startBroker()
    const [a, b] = [await broker.connect(), await broker.connect()]
    const first = await join(a)
    assert.deepStrictEqual([first.errorCode, first.generationId, first.leader], [0, 1, first.memberId])
    assert.deepStrictEqual([first.protocolType, first.protocolName], ["consumer", "range"])
    assert.strictEqual(textOf((await sync(a, 1, first.memberId, { [first.memberId]: "all" })).assignment), "all")
    assert.strictEqual(await heartbeat(a, 1, first.memberId), 0)

    // The second waits until the first has learnt of it by a heartbeat, and joined again.
    const joined = join(b)
    const learns = async () => {
      while ((await heartbeat(a, 1, first.memberId)) !== 27);
    }
    await within(learns(), "the rebalance")
    const again = await join(a, { memberId: first.memberId })
    const second = await joined
    assert.deepStrictEqual([again.generationId, second.generationId], [2, 2])
    assert.deepStrictEqual([again.members.length, second.members.length], [2, 0])
    assert.strictEqual(second.leader, first.memberId)

    // The follower's sync waits for the leader's.
    const followed = sync(b, 2, second.memberId)
    const led = await sync(a, 2, first.memberId, { [first.memberId]: "one", [second.memberId]: "two" })
    assert.deepStrictEqual([textOf(led.assignment), textOf((await followed).assignment)], ["one", "two"])

    const left = await b.call(LeaveGroup, 5, { groupId: "g", members: [{ memberId: second.memberId }] })
    assert.deepStrictEqual(
      left.members.map(({ errorCode }) => errorCode),
      [0]
    )
    assert.strictEqual(await heartbeat(a, 2, first.memberId), 27)
    assert.strictEqual(await heartbeat(b, 2, second.memberId), 25)
  })

  it("is refused to strangers, past generations, other protocols and bad timeouts", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { memberId } = await join(client)
    await sync(client, 1, memberId, { [memberId]: "all" })
    assert.strictEqual(await heartbeat(client, 1, "stranger"), 25)
    assert.strictEqual(await heartbeat(client, 0, memberId), 22)
    assert.strictEqual((await sync(client, 7, memberId)).errorCode, 22)
    const code = async (rest: Partly<JoinGroupRequest>) => (await join(client, rest)).errorCode
    assert.strictEqual(await code({ protocolType: "connect" }), 23)
    assert.strictEqual(await code({ protocols: [{ name: "sticky", metadata: bytes("") }] }), 23)
    assert.strictEqual(await code({ groupId: "h", sessionTimeoutMs: 5 }), 26)
    assert.strictEqual(await code({ groupId: "h", sessionTimeoutMs: 0x7fffffff }), 26)
    assert.strictEqual(await code({ groupId: "" }), 24)
    assert.strictEqual(await code({ memberId: "stranger" }), 25)
  })

  it("a static member that comes back keeps its place without a rebalance; the one before is fenced", async () => {
    await using broker = await startBroker()
    const [a, b] = [await broker.connect(), await broker.connect()]
    const instance = { groupInstanceId: "i" }
    const first = await join(a, instance)
    await sync(a, 1, first.memberId, { [first.memberId]: "all" })
    const second = await join(b, instance)
    assert.deepStrictEqual([second.errorCode, second.generationId], [0, 1])
    assert.notStrictEqual(second.memberId, first.memberId)
    assert.strictEqual(textOf((await sync(b, 1, second.memberId)).assignment), "all")
    const old = await a.call(Heartbeat, 4, { groupId: "g", generationId: 1, memberId: first.memberId, ...instance })
    assert.strictEqual(old.errorCode, 82)
    const { members } = await b.call(LeaveGroup, 5, { groupId: "g", members: [{ memberId: "", ...instance }] })
    assert.deepStrictEqual(
      members.map(({ errorCode, groupInstanceId }) => [groupInstanceId, errorCode]),
      [["i", 0]]
    )
  })
})

describe("offsets", () => {
  it("are committed and fetched, by all versions alike", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const topicId = await broker.createTopic("t", 2)
    assert.strictEqual(await commit(client, 5n), 0)
    const wanted = { committedOffset: 5n, metadata: "note", errorCode: 0 }
    for (const version of [0, 1, 2, 5, 7]) {
      const topics = [{ name: "t", partitionIndexes: [0, 1] }]
      const answer = await client.call(OffsetFetch, version, { groupId: "g", topics })
      const [committed, none] = answer.topics[0]!.partitions
      assert.deepInclude(committed, { ...wanted, committedLeaderEpoch: version >= 5 ? 3 : -1 })
      assert.deepInclude(none, { committedOffset: -1n, metadata: "", errorCode: 0 })
    }
    for (const version of [8, 9, 10]) {
      const place = version >= 10 ? { topicId } : { name: "t" }
      const groups = [
        { groupId: "g", topics: [{ ...place, partitionIndexes: [0] }] },
        { groupId: "g", topics: null },
        { groupId: "other", topics: null }
      ]
      const answer = await client.call(OffsetFetch, version, { groups })
      const [some, all, other] = answer.groups
      for (const { topics } of [some!, all!]) {
        assert.deepInclude(topics[0], place)
        assert.deepInclude(topics[0]!.partitions[0], { ...wanted, committedLeaderEpoch: 3 })
      }
      assert.deepStrictEqual(other!.topics, [])
    }
    const all = await client.call(OffsetFetch, 5, { groupId: "g", topics: null })
    assert.deepStrictEqual(
      all.topics.map(({ name, partitions }) => [name, partitions.length]),
      [["t", 1]]
    )
  })

  it("go by topic ids from version 10 on", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const topicId = await broker.createTopic("t")
    const partitions = [{ partitionIndex: 0, committedOffset: 9n, committedMetadata: null }]
    const topics = [
      { topicId, partitions },
      { topicId: UNKNOWN_ID, partitions }
    ]
    const answer = await client.call(OffsetCommit, 10, { groupId: "g", topics })
    assert.deepStrictEqual(
      answer.topics.map(({ partitions, topicId }) => [topicId, partitions[0]!.errorCode]),
      [
        // what was refused at once comes first, as from Apache Kafka
        [UNKNOWN_ID, 100],
        [topicId, 0]
      ]
    )
  })

  it("are fenced by member and generation, and refused with too long a note or for no partition", async () => {
    await using broker = await startBroker({ offsetMetadataMaxBytes: 10 })
    const client = await broker.connect()
    await broker.createTopic("t")
    const { memberId } = await join(client)
    assert.strictEqual(await commit(client, 1n, { generationIdOrMemberEpoch: 1, memberId }), 27, "before the sync")
    await sync(client, 1, memberId, { [memberId]: "all" })
    assert.strictEqual(await commit(client, 1n, { generationIdOrMemberEpoch: 1, memberId }), 0)
    assert.strictEqual(await commit(client, 2n, { generationIdOrMemberEpoch: 0, memberId }), 22)
    assert.strictEqual(await commit(client, 2n, { generationIdOrMemberEpoch: 1, memberId: "stranger" }), 25)
    assert.strictEqual(await commit(client, 2n), 25, "somebody outside the group")
    assert.strictEqual(await commit(client, 2n, { generationIdOrMemberEpoch: 1, memberId }, 7), 3)
    const partitions = [{ partitionIndex: 0, committedOffset: 3n, committedMetadata: "x".repeat(11) }]
    const long = await client.call(OffsetCommit, 9, {
      groupId: "g",
      generationIdOrMemberEpoch: 1,
      memberId,
      topics: [{ name: "t", partitions }]
    })
    assert.strictEqual(long.topics[0]!.partitions[0]!.errorCode, 12)
    const kept = await client.call(OffsetFetch, 7, { groupId: "g", topics: null })
    assert.strictEqual(kept.topics[0]!.partitions[0]!.committedOffset, 1n)
  })

  it("OffsetDelete: takes those that no member subscribes to; GROUP_ID_NOT_FOUND without a group", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t", 2)
    const remove = (groupId: string) => {
      const partitions = [{ partitionIndex: 0 }, { partitionIndex: 9 }]
      return client.call(OffsetDelete, 0, { groupId, topics: [{ name: "t", partitions }] })
    }
    assert.strictEqual((await remove("none")).errorCode, 69)
    await commit(client, 1n)
    await commit(client, 2n, {}, 1)
    const { errorCode, topics } = await remove("g")
    assert.strictEqual(errorCode, 0)
    assert.deepStrictEqual(
      topics[0]!.partitions.map(({ errorCode, partitionIndex }) => [partitionIndex, errorCode]),
      [
        [9, 3],
        [0, 0]
      ]
    )
    const left = await client.call(OffsetFetch, 7, { groupId: "g", topics: null })
    assert.deepStrictEqual(
      left.topics[0]!.partitions.map(({ committedOffset, partitionIndex }) => [partitionIndex, committedOffset]),
      [[1, 2n]]
    )
  })
})

describe("admin", () => {
  it("DescribeGroups and ListGroups tell states and members; a group that is not there is Dead, or 69 from version 6", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { memberId } = await join(client)
    await sync(client, 1, memberId, { [memberId]: "all" })
    await commit(client, 1n, { groupId: "empty" })
    const { groups } = await client.call(DescribeGroups, 5, { groups: ["g", "empty", "none"] })
    assert.deepStrictEqual(
      groups.map(({ errorCode, groupId, groupState, members }) => [groupId, errorCode, groupState, members.length]),
      [
        ["g", 0, "Stable", 1],
        ["empty", 0, "Empty", 0],
        ["none", 0, "Dead", 0]
      ]
    )
    const [member] = groups[0]!.members
    assert.deepStrictEqual(
      [member!.memberId, member!.clientId, member!.clientHost, textOf(member!.memberAssignment)],
      [memberId, "wire", "/127.0.0.1", "all"]
    )
    assert.strictEqual((await client.call(DescribeGroups, 6, { groups: ["none"] })).groups[0]!.errorCode, 69)

    const listed = async (filters: object) =>
      (await client.call(ListGroups, 5, filters)).groups.map(({ groupId }) => groupId).sort()
    assert.deepStrictEqual(await listed({}), ["empty", "g"])
    assert.deepStrictEqual(await listed({ statesFilter: ["Stable"] }), ["g"])
    assert.deepStrictEqual(await listed({ statesFilter: ["empty"] }), ["empty"])
    assert.deepStrictEqual(await listed({ typesFilter: ["classic"] }), ["empty", "g"])
    assert.deepStrictEqual(await listed({ typesFilter: ["consumer"] }), [])
  })

  it("DeleteGroups: an empty one goes with its offsets, one with members is NON_EMPTY_GROUP", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    const { memberId } = await join(client)
    await sync(client, 1, memberId, { [memberId]: "all" })
    await commit(client, 1n, { groupId: "empty" })
    const { results } = await client.call(DeleteGroups, 2, { groupsNames: ["g", "empty", "none"] })
    assert.deepStrictEqual(
      results.map(({ errorCode, groupId }) => [groupId, errorCode]),
      [
        ["g", 68],
        ["empty", 0],
        ["none", 69]
      ]
    )
    const kept = await client.call(OffsetFetch, 7, { groupId: "empty", topics: null })
    assert.deepStrictEqual(kept.topics, [])
  })
})
