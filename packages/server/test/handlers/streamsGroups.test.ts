import { assert, describe, it } from "@effect/vitest"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { DeleteGroups } from "@tusk/protocol/messages/DeleteGroups"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetDelete } from "@tusk/protocol/messages/OffsetDelete"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import type { StreamsGroupHeartbeatRequest } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import { make } from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Layer from "effect/Layer"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { newData } from "../Stores.ts"
import type { Partly, WireClient } from "../WireClient.ts"

const GROUP = "app"
const topology = (changelog: Readonly<Record<string, string>> = { "cleanup.policy": "compact" }) => ({
  epoch: 0,
  subtopologies: [
    { subtopologyId: "0", sourceTopics: ["lines"], repartitionSinkTopics: ["app-words-repartition"] },
    {
      subtopologyId: "1",
      repartitionSourceTopics: [{ name: "app-words-repartition" }],
      stateChangelogTopics: [
        {
          name: "app-counts-changelog",
          topicConfigs: Object.entries(changelog).map(([key, value]) => ({ key, value }))
        }
      ]
    }
  ]
})

const heartbeat = (client: WireClient, request: Partly<StreamsGroupHeartbeatRequest>) =>
  client.call(StreamsGroupHeartbeat, 0, { groupId: GROUP, ...request })
const join = (client: WireClient, memberId: string, rest: Partly<StreamsGroupHeartbeatRequest> = {}) =>
  heartbeat(client, {
    memberId,
    memberEpoch: 0,
    rebalanceTimeoutMs: 10_000,
    processId: `process-${memberId}`,
    topology: topology(),
    activeTasks: [],
    standbyTasks: [],
    warmupTasks: [],
    ...rest
  })

/** Without the window for first members and the interval between assignments. */
const atOnce = { groupStreamsInitialRebalanceDelayMs: 0, groupStreamsAssignmentIntervalMs: 0 }

const owned = (...parts: ReadonlyArray<readonly [string, ReadonlyArray<number>]>) => ({
  activeTasks: parts.map(([subtopologyId, partitions]) => ({ subtopologyId, partitions })),
  standbyTasks: [],
  warmupTasks: []
})
const ALL = owned(["0", [0, 1]], ["1", [0, 1]])

const commit = async (client: WireClient, memberId: string, epoch: number, partitionIndex = 0, apiVersion = 9) => {
  const partitions = [{ partitionIndex, committedOffset: 7n, committedLeaderEpoch: 0, committedMetadata: "" }]
  const { topics } = await client.call(OffsetCommit, apiVersion, {
    groupId: GROUP,
    memberId,
    generationIdOrMemberEpoch: epoch,
    topics: [{ name: "lines", partitions }]
  })
  return topics[0]!.partitions[0]!.errorCode
}

/** A broker with topic "lines" of two partitions, and a client. */
const ready = async (broker: BrokerUnderTest): Promise<WireClient> => {
  await broker.createTopic("lines", 2)
  return broker.connect()
}

describe("StreamsGroupHeartbeat", () => {
  it("creates internal topics with their configs, and gives all tasks to the first member", async () => {
    await using broker = await startBroker(atOnce)
    const client = await ready(broker)
    const answer = await join(client, "a", {
      topology: topology({ "cleanup.policy": "compact", "segment.bytes": "1048576" })
    })
    assert.deepStrictEqual([answer.errorCode, answer.status, answer.heartbeatIntervalMs], [0, [], 5000])
    assert.deepStrictEqual(answer.activeTasks, ALL.activeTasks)
    const { topics } = await client.call(Metadata, 12, { topics: [{ name: "app-counts-changelog" }] })
    assert.lengthOf(topics[0]!.partitions, 2)
    const { results } = await client.call(DescribeConfigs, 4, {
      resources: [
        {
          resourceType: 2,
          resourceName: "app-counts-changelog",
          configurationKeys: ["cleanup.policy", "segment.bytes"]
        }
      ]
    })
    assert.deepStrictEqual(
      results[0]!.configs.map(({ name, value }) => [name, value]),
      [
        ["cleanup.policy", "compact"],
        ["segment.bytes", "1048576"]
      ]
    )
  })

  it("waits for the initial delay of the group's config", async () => {
    await using broker = await startBroker()
    const client = await ready(broker)
    const answer = await join(client, "a")
    assert.deepStrictEqual(
      answer.status?.map(({ statusCode }) => statusCode),
      [5]
    )
    assert.deepStrictEqual(answer.activeTasks, [])
  })

  it("tells why internal topics cannot be created, and what is missing", async () => {
    await using broker = await startBroker(atOnce)
    const client = await ready(broker)
    const answer = await join(client, "a", { topology: topology({ "cleanup.policy": "sometimes" }) })
    const [status] = answer.status ?? []
    assert.strictEqual(status?.statusCode, 3)
    assert.match(status!.statusDetail, /Internal topics are missing: .*; Creation failed: app-counts-changelog \(/)
    const nowhere = await join(client, "b", {
      groupId: "other",
      topology: { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: ["nowhere"] }] }
    })
    assert.deepStrictEqual(nowhere.status, [{ statusCode: 1, statusDetail: "Source topics nowhere are missing." }])
  })

  it("refuses what Kafka 4.3.1 refuses", async () => {
    await using broker = await startBroker(atOnce)
    const client = await ready(broker)
    const code = async (rest: Partly<StreamsGroupHeartbeatRequest>) => (await join(client, "a", rest)).errorCode
    const one = topology().subtopologies[0]!
    const [INVALID_REQUEST, INVALID_TOPOLOGY] = [42, 130]
    assert.strictEqual(await code({ memberId: "" }), INVALID_REQUEST)
    assert.strictEqual(await code({ groupId: "" }), INVALID_REQUEST)
    assert.strictEqual(await code({ instanceId: "static" }), INVALID_REQUEST)
    assert.strictEqual(await code({ rebalanceTimeoutMs: -1 }), INVALID_REQUEST)
    assert.strictEqual(await code({ topology: null }), INVALID_REQUEST)
    assert.strictEqual(await code({ memberEpoch: -3 }), INVALID_REQUEST)
    assert.strictEqual(await code({ memberEpoch: -2 }), INVALID_REQUEST)
    assert.strictEqual(await code(ALL), INVALID_REQUEST)
    assert.strictEqual(await code({ standbyTasks: null, memberEpoch: 1, topology: null }), INVALID_REQUEST)
    assert.strictEqual(await code({ taskOffsets: [] }), INVALID_REQUEST)
    assert.strictEqual(
      await code({ topology: { epoch: 0, subtopologies: [{ ...one, sourceTopicRegex: ["l.*"] }] } }),
      INVALID_REQUEST
    )
    for (const sourceTopics of [["__consumer_offsets"], ["a b"], []]) {
      const wrong = { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics }] }
      assert.strictEqual(await code({ topology: wrong }), INVALID_TOPOLOGY)
    }
    const absent = await heartbeat(client, { memberId: "a", memberEpoch: 1 })
    assert.deepStrictEqual([absent.errorCode, absent.errorMessage], [69, "Streams group app not found."])
    assert.lengthOf((await client.call(ListGroups, 5, {})).groups, 0, "nothing of it is left")
  })

  it("moves tasks between two members, and back when one leaves", async () => {
    await using broker = await startBroker(atOnce)
    const client = await ready(broker)
    const first = await join(client, "a")
    const second = await join(client, "b")
    assert.deepStrictEqual(second.activeTasks, [])
    const told = await heartbeat(client, { memberId: "a", memberEpoch: first.memberEpoch, ...ALL })
    const kept = told.activeTasks!
    const released = await heartbeat(client, {
      memberId: "a",
      memberEpoch: told.memberEpoch,
      ...owned(...kept.map(({ partitions, subtopologyId }) => [subtopologyId, partitions] as const))
    })
    assert.strictEqual(released.memberEpoch, second.memberEpoch)
    const given = await heartbeat(client, { memberId: "b", memberEpoch: second.memberEpoch })
    const count = (tasks: typeof kept) => tasks.flatMap(({ partitions }) => partitions).length
    assert.deepStrictEqual([count(kept), count(given.activeTasks!)], [2, 2])

    const left = await heartbeat(client, { memberId: "a", memberEpoch: -1 })
    assert.deepStrictEqual([left.errorCode, left.memberEpoch], [0, -1])
    const all = await heartbeat(client, { memberId: "b", memberEpoch: given.memberEpoch })
    assert.deepStrictEqual(all.activeTasks, ALL.activeTasks)
  })
})

describe("a streams group among groups", () => {
  it("is listed, described, and deleted once it is empty", async () => {
    await using broker = await startBroker(atOnce)
    const client = await ready(broker)
    const { memberEpoch } = await join(client, "a", {
      userEndpoint: { host: "here", port: 8080 },
      clientTags: [{ key: "zone", value: "one" }]
    })
    const { groups } = await client.call(ListGroups, 5, { typesFilter: ["streams"] })
    assert.deepStrictEqual(groups, [
      { groupId: GROUP, protocolType: "streams", groupState: "Stable", groupType: "streams" }
    ])
    const described = await client.call(StreamsGroupDescribe, 0, { groupIds: [GROUP] })
    const [group] = described.groups
    assert.deepStrictEqual([group!.errorCode, group!.groupState, group!.groupEpoch], [0, "Stable", memberEpoch])
    assert.deepStrictEqual(
      group!.topology?.subtopologies?.map(({ sourceTopics, stateChangelogTopics, subtopologyId }) => [
        subtopologyId,
        sourceTopics,
        stateChangelogTopics.map(({ name, partitions }) => [name, partitions])
      ]),
      [
        ["0", ["lines"], []],
        ["1", [], [["app-counts-changelog", 2]]]
      ]
    )
    const [member] = group!.members
    assert.deepStrictEqual(member!.assignment.activeTasks, ALL.activeTasks)
    assert.deepStrictEqual(member!.targetAssignment, member!.assignment)
    assert.deepStrictEqual([member!.userEndpoint, member!.processId], [{ host: "here", port: 8080 }, "process-a"])

    const remove = async () => (await client.call(DeleteGroups, 2, { groupsNames: [GROUP] })).results[0]!.errorCode
    assert.strictEqual(await remove(), 68)
    await heartbeat(client, { memberId: "a", memberEpoch: -1 })
    assert.strictEqual(await remove(), 0)
    assert.strictEqual(await remove(), 69)
  })

  it("fences commits and reads by member and epoch", async () => {
    await using broker = await startBroker(atOnce)
    const client = await ready(broker)
    const first = await join(client, "a")
    assert.strictEqual(await commit(client, "a", first.memberEpoch), 0)
    assert.strictEqual(await commit(client, "a", first.memberEpoch + 1), 113)
    assert.strictEqual(await commit(client, "x", first.memberEpoch), 25)
    assert.strictEqual(await commit(client, "", -1), 25)
    assert.strictEqual(await commit(client, "a", first.memberEpoch, 0, 8), 35)

    await join(client, "b")
    const told = await heartbeat(client, { memberId: "a", memberEpoch: first.memberEpoch, ...ALL })
    const kept = told.activeTasks!.map(({ partitions, subtopologyId }) => [subtopologyId, partitions] as const)
    const now = await heartbeat(client, { memberId: "a", memberEpoch: first.memberEpoch, ...owned(...kept) })
    assert.isAbove(now.memberEpoch, first.memberEpoch)
    const [mine] = kept.find(([id]) => id === "0")![1]
    assert.strictEqual(await commit(client, "a", first.memberEpoch, mine), 0, "it has had this task all along")
    assert.strictEqual(await commit(client, "a", first.memberEpoch, 1 - mine!), 113)

    const read = async (memberId: string, memberEpoch: number) =>
      (await client.call(OffsetFetch, 9, { groups: [{ groupId: GROUP, memberId, memberEpoch, topics: null }] }))
        .groups[0]!.errorCode
    assert.strictEqual(await read("a", now.memberEpoch), 0)
    assert.strictEqual(await read("a", now.memberEpoch + 1), 113)
    assert.strictEqual(await read("x", 1), 25)
    const { topics } = await client.call(OffsetDelete, 0, {
      groupId: GROUP,
      topics: [{ name: "lines", partitions: [{ partitionIndex: 0 }] }]
    })
    assert.strictEqual(topics[0]!.partitions[0]!.errorCode, 86, "its tasks read it")
  })

  it("becomes of an empty group of classic members, with its offsets; of one that is joined it does not", async () => {
    await using broker = await startBroker(atOnce)
    const client = await ready(broker)
    assert.strictEqual(await commit(client, "", -1), 0)
    const { activeTasks, errorCode, memberEpoch } = await join(client, "a")
    assert.deepStrictEqual([errorCode, activeTasks], [0, ALL.activeTasks])
    const { groups } = await client.call(OffsetFetch, 9, {
      groups: [{ groupId: GROUP, memberId: "a", memberEpoch, topics: null }]
    })
    assert.strictEqual(groups[0]!.topics[0]!.partitions[0]!.committedOffset, 7n)
    const joining = {
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array(4) }]
    }
    assert.strictEqual((await client.call(JoinGroup, 3, { groupId: GROUP, ...joining })).errorCode, 23)
    await heartbeat(client, { memberId: "a", memberEpoch: -1 })
    const downgraded = await client.call(JoinGroup, 3, { groupId: GROUP, ...joining })
    assert.strictEqual(downgraded.errorCode, 0, "an application goes back to the classic protocol")
    assert.strictEqual((await join(client, "a")).errorCode, 69)

    const classic = await client.call(JoinGroup, 3, { groupId: "classic", ...joining })
    assert.strictEqual(classic.errorCode, 0)
    const refused = await join(client, "a", { groupId: "classic" })
    assert.deepStrictEqual([refused.errorCode, refused.errorMessage], [69, "Group classic is not a streams group."])

    await client.call(OffsetCommit, 9, {
      groupId: "offsets",
      topics: [{ name: "lines", partitions: [{ partitionIndex: 0, committedOffset: 7n }] }]
    })
    const invalid = await join(client, "a", {
      groupId: "offsets",
      topology: { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: [] }] }
    })
    assert.strictEqual(invalid.errorCode, 130)
    const stays = await client.call(JoinGroup, 3, { groupId: "offsets", ...joining })
    assert.strictEqual(stays.errorCode, 0, "a heartbeat that is refused changes nothing")
  })

  it("survives a restart: members go on, tasks stay, what was being given up still is", async () => {
    const data = newData()
    const store = Layer.sync(Store, () => make(data, { maxBytes: 1 << 24 }))
    const first = await startBroker(atOnce, { store })
    const before = await ready(first)
    const { memberEpoch } = await join(before, "a")
    const second = await join(before, "b")
    const told = await heartbeat(before, { memberId: "a", memberEpoch, ...ALL })
    const kept = told.activeTasks!.map(({ partitions, subtopologyId }) => [subtopologyId, partitions] as const)
    await first[Symbol.asyncDispose]()

    await using broker = await startBroker(atOnce, { store })
    const client = await broker.connect()
    const described = await client.call(StreamsGroupDescribe, 0, { groupIds: [GROUP] })
    assert.deepStrictEqual([described.groups[0]!.groupState, described.groups[0]!.members.length], ["Reconciling", 2])
    const waits = await heartbeat(client, { memberId: "b", memberEpoch: second.memberEpoch })
    assert.deepStrictEqual([waits.errorCode, waits.activeTasks], [0, null], "a has not told that it gave them up")
    const released = await heartbeat(client, { memberId: "a", memberEpoch, ...owned(...kept) })
    assert.deepStrictEqual([released.errorCode, released.memberEpoch], [0, second.memberEpoch])
    const given = await heartbeat(client, { memberId: "b", memberEpoch: second.memberEpoch })
    assert.lengthOf(
      given.activeTasks!.flatMap(({ partitions }) => partitions),
      2
    )
  })

  it("goes by the configs of the group", async () => {
    await using broker = await startBroker({ ...atOnce, groupStreamsMaxSize: 1 })
    const client = await ready(broker)
    await client.call(IncrementalAlterConfigs, 1, {
      resources: [
        {
          resourceType: 32,
          resourceName: GROUP,
          configs: [{ name: "streams.heartbeat.interval.ms", configOperation: 0, value: "7000" }]
        }
      ]
    })
    assert.strictEqual((await join(client, "a")).heartbeatIntervalMs, 7000)
    assert.strictEqual((await join(client, "b")).errorCode, 81)
  })

  it("is told as a feature", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { finalizedFeatures, supportedFeatures } = await client.call(ApiVersions, 4, {
      clientSoftwareName: "wire",
      clientSoftwareVersion: "1"
    })
    assert.deepInclude(supportedFeatures, { name: "streams.version", minVersion: 1, maxVersion: 1 })
    assert.deepInclude(finalizedFeatures, { name: "streams.version", minVersionLevel: 1, maxVersionLevel: 1 })
  })
})
