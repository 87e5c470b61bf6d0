/** KIP-211: what a group's members are not subscribed to expires, though they live. */
import { assert, describe, it } from "@effect/vitest"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import * as Effect from "effect/Effect"
import { brokerInTestTime, pass } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

/** A member's id and generation, once it has its assignment. */
type Member = readonly [memberId: string, epoch: number]

/** ConsumerProtocolSubscription, version 0. */
const subscriptionTo = (topic: string): Uint8Array => {
  const name = Buffer.from(topic)
  const head = Buffer.alloc(8)
  head.writeInt32BE(1, 2)
  head.writeInt16BE(name.length, 6)
  return Buffer.concat([head, name, Buffer.from([0xff, 0xff, 0xff, 0xff])])
}

const classic = async (client: WireClient, groupId: string, protocolType = "consumer"): Promise<Member> => {
  const { generationId, memberId } = await client.call(JoinGroup, 3, {
    groupId,
    memberId: "",
    sessionTimeoutMs: 60_000,
    rebalanceTimeoutMs: 60_000,
    protocolType,
    protocols: [{ name: "range", metadata: subscriptionTo("kept") }]
  })
  await client.call(SyncGroup, 3, { groupId, memberId, generationId, assignments: [] })
  return [memberId, generationId]
}
const consumer = async (client: WireClient, groupId: string): Promise<Member> => {
  const memberId = "consumer"
  const joined = await client.call(ConsumerGroupHeartbeat, 1, {
    groupId,
    memberId,
    rebalanceTimeoutMs: 60_000,
    subscribedTopicNames: ["kept"],
    topicPartitions: []
  })
  assert.strictEqual(joined.errorCode, 0)
  return [memberId, joined.memberEpoch]
}
const streams = async (client: WireClient, groupId: string): Promise<Member> => {
  const memberId = "streams"
  const joined = await client.call(StreamsGroupHeartbeat, 0, {
    groupId,
    memberId,
    memberEpoch: 0,
    rebalanceTimeoutMs: 60_000,
    processId: "p",
    topology: { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: ["kept"] }] },
    activeTasks: [],
    standbyTasks: [],
    warmupTasks: []
  })
  assert.strictEqual(joined.errorCode, 0)
  return [memberId, joined.memberEpoch]
}

const commit = async (client: WireClient, groupId: string, [memberId, generationIdOrMemberEpoch]: Member) => {
  const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: "" }]
  const topics = ["kept", "left"].map((name) => ({ name, partitions }))
  const answer = await client.call(OffsetCommit, 9, { groupId, memberId, generationIdOrMemberEpoch, topics })
  assert.deepStrictEqual(
    answer.topics.map(({ partitions }) => partitions[0]!.errorCode),
    [0, 0]
  )
}
const committed = async (client: WireClient, groupId: string) => {
  const { groups } = await client.call(OffsetFetch, 8, { groups: [{ groupId, topics: null }] })
  return groups[0]!.topics.map(({ name }) => name).sort()
}

/** 3 s, looked at each second. */
const SETTINGS = {
  offsetsRetentionMinutes: 0.05,
  offsetsRetentionCheckIntervalMs: 1000,
  groupStreamsInitialRebalanceDelayMs: 0,
  groupInitialRebalanceDelayMs: 0
}

describe("offsets of a group that lives", () => {
  it.effect.each([
    ["classic consumers", classic],
    ["consumers", consumer],
    ["streams", streams]
  ] as const)("%s: those of topics that no member is subscribed to expire", ([, join]) =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime(SETTINGS)
      const client = yield* Effect.promise(() => broker.connect())
      yield* Effect.promise(() => broker.createTopic("kept"))
      yield* Effect.promise(() => broker.createTopic("left"))
      const member = yield* Effect.promise(() => join(client, "g"))
      yield* Effect.promise(() => commit(client, "g", member))
      yield* pass(broker, 2)
      assert.deepStrictEqual(yield* Effect.promise(() => committed(client, "g")), ["kept", "left"])
      yield* pass(broker, 3)
      assert.deepStrictEqual(yield* Effect.promise(() => committed(client, "g")), ["kept"])
      // A new commit counts anew, and the group has lost nothing else.
      yield* Effect.promise(() => commit(client, "g", member))
      assert.deepStrictEqual(yield* Effect.promise(() => committed(client, "g")), ["kept", "left"])
    })
  )

  it.effect("of another protocol's members nothing expires: their subscriptions are not known", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime(SETTINGS)
      const client = yield* Effect.promise(() => broker.connect())
      yield* Effect.promise(() => broker.createTopic("kept"))
      yield* Effect.promise(() => broker.createTopic("left"))
      const member = yield* Effect.promise(() => classic(client, "g", "connect"))
      yield* Effect.promise(() => commit(client, "g", member))
      yield* pass(broker, 6)
      assert.deepStrictEqual(yield* Effect.promise(() => committed(client, "g")), ["kept", "left"])
    })
  )
})
