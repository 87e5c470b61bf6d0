import { assert, describe, it } from "@effect/vitest"
import { ConsumerGroups } from "@tusk/coordinator/group/shell/ConsumerGroups"
import { defaultGroupResourceConfig, GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import type { ConsumerMigrationPolicy } from "@tusk/coordinator/group/machine/GroupConfigs"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { ConsumerProtocolAssignment } from "@tusk/protocol/embedded/ConsumerProtocolAssignment"
import { ConsumerProtocolSubscription } from "@tusk/protocol/embedded/ConsumerProtocolSubscription"
import { decodeVersioned, encodeVersioned } from "@tusk/protocol/embedded/Versioned"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Disk } from "../Disk.ts"

const TOPIC = { topicId: "id-t", name: "t", partitionIds: [1, 2, 3, 4] }

const newDisk = (): Disk => {
  const disk = new Disk()
  disk.topics = [TOPIC]
  return disk
}

const brokerOn = (disk: Disk, policy: ConsumerMigrationPolicy = "bidirectional") =>
  ConsumerGroups.layer.pipe(
    Layer.provideMerge(Groups.layer()),
    Layer.provide(disk.layer),
    Layer.provide(
      Layer.succeed(GroupConfigs, () => ({
        ...defaultGroupResourceConfig,
        consumerAssignmentIntervalMs: 0,
        consumerMigrationPolicy: policy
      }))
    ),
    Layer.fresh
  )

const subscription = (...owned: ReadonlyArray<number>) =>
  encodeVersioned(ConsumerProtocolSubscription, 1, {
    topics: ["t"],
    userData: null,
    ownedPartitions: owned.length === 0 ? [] : [{ topic: "t", partitions: owned }],
    generationId: -1,
    rackId: null
  })

const assignment = (...partitions: ReadonlyArray<number>) =>
  encodeVersioned(ConsumerProtocolAssignment, 1, {
    assignedPartitions: [{ topic: "t", partitions }],
    userData: null
  })

const partitionsOf = (bytes: Uint8Array) =>
  decodeVersioned(ConsumerProtocolAssignment, bytes).value.assignedPartitions.flatMap(({ partitions }) => partitions)

const join = (memberId: string, metadata = subscription(), groupInstanceId: string | null = null) =>
  Effect.flatMap(Groups, (groups) =>
    groups.joinGroup({
      groupId: "g",
      apiVersion: 3,
      memberId,
      groupInstanceId,
      clientId: "c",
      clientHost: "/h",
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata }],
      reason: null
    })
  )

const sync = (
  memberId: string,
  generationId: number,
  assignments: ReadonlyArray<{ memberId: string; assignment: Uint8Array }> = []
) =>
  Effect.flatMap(Groups, (groups) =>
    Effect.map(
      groups.syncGroup({
        groupId: "g",
        memberId,
        groupInstanceId: null,
        generationId,
        protocolType: null,
        protocolName: null,
        assignments
      }),
      (answer) => partitionsOf(answer.assignment)
    )
  )

const classicBeat = (memberId: string, generationId: number) =>
  Effect.flatMap(Groups, (groups) =>
    groups
      .heartbeat({ groupId: "g", memberId, groupInstanceId: null, generationId })
      .pipe(Effect.match({ onSuccess: () => "ok", onFailure: ({ _tag }) => _tag as string }))
  )

const beat = (memberId: string, memberEpoch: number, owned: ReadonlyArray<number> | null = null) =>
  Effect.flatMap(ConsumerGroups, (groups) =>
    groups.heartbeat({
      groupId: "g",
      apiVersion: 1,
      memberId,
      memberEpoch,
      instanceId: null,
      rackId: null,
      rebalanceTimeoutMs: memberEpoch === 0 ? 30_000 : -1,
      subscribedTopicNames: memberEpoch === 0 ? ["t"] : null,
      subscribedTopicRegex: null,
      serverAssignor: null,
      topicPartitions: memberEpoch === 0 ? [] : owned && [{ topicId: "id-t", partitions: owned }],
      clientId: "c",
      clientHost: "/h"
    })
  )

const listed = Effect.flatMap(Groups, (groups) =>
  Effect.map(groups.listGroups({ states: [], types: [] }), (all) => all.map(({ state, type }) => `${type} ${state}`))
)

const commit = (memberId: string, generationId: number) =>
  Effect.flatMap(Groups, (groups) =>
    groups
      .validateCommit({
        groupId: "g",
        memberId,
        groupInstanceId: null,
        generationId,
        apiVersion: 8,
        transactional: false
      })
      .pipe(Effect.match({ onSuccess: () => "ok", onFailure: ({ _tag }) => _tag as string }))
  )

/** A stable classic group of one member with all partitions. */
const classicGroup = Effect.gen(function* () {
  const { memberId } = yield* join("")
  yield* sync(memberId, 1, [{ memberId, assignment: assignment(0, 1, 2, 3) }])
  return memberId
})

describe("upgrade and downgrade", () => {
  it.effect("one by one to the consumer protocol and back; each knows its generation and partitions all the time", () =>
    Effect.gen(function* () {
      const old = yield* classicGroup
      // the first consumer member
      const first = yield* beat("a", 0)
      assert.deepStrictEqual([first.memberEpoch, first.assignment?.size], [2, 0])
      assert.deepStrictEqual(yield* listed, ["consumer Reconciling"])
      assert.strictEqual(yield* commit(old, 1), "ok")
      assert.strictEqual(yield* classicBeat(old, 1), "RebalanceInProgress")
      assert.strictEqual((yield* join(old)).generationId, 2)
      assert.deepStrictEqual(yield* sync(old, 2), [0, 1])
      const { assignment: second } = yield* beat("a", 2)
      assert.deepStrictEqual(Array.from(second!.get("id-t")!.keys()).sort(), [2, 3])
      // the last classic one goes
      const groups = yield* Groups
      yield* groups.leaveGroup({ groupId: "g", members: [{ memberId: old, groupInstanceId: null }] })
      const { assignment, memberEpoch } = yield* beat("a", 2, [2, 3])
      assert.deepStrictEqual([memberEpoch, assignment!.get("id-t")!.size], [3, 4])
      assert.deepStrictEqual(yield* listed, ["consumer Stable"])
      // and back: a classic one comes, the last consumer member goes
      const back = yield* join("")
      assert.strictEqual(back.generationId, 4)
      assert.strictEqual(back.leader, "")
      yield* sync(back.memberId, 4)
      yield* beat("a", -1)
      assert.deepStrictEqual(yield* listed, ["classic PreparingRebalance"])
      assert.strictEqual(yield* commit(back.memberId, 4), "ok")
      assert.strictEqual(yield* classicBeat(back.memberId, 4), "RebalanceInProgress")
      const again = yield* join(back.memberId)
      assert.deepStrictEqual([again.error, again.generationId, again.leader], [null, 5, back.memberId])
    }).pipe(Effect.provide(brokerOn(newDisk())))
  )

  it.effect("a member that waits in a classic group is told to join again", () =>
    Effect.gen(function* () {
      const old = yield* classicGroup
      const waiting = yield* Effect.forkChild(join(""), { startImmediately: true })
      yield* beat("a", 0)
      assert.strictEqual((yield* Fiber.join(waiting)).error?._tag, "RebalanceInProgress")
      assert.strictEqual(yield* classicBeat(old, 1), "RebalanceInProgress")
    }).pipe(Effect.provide(brokerOn(newDisk())))
  )

  it.effect("survives a restart in any form", () =>
    Effect.gen(function* () {
      const disk = newDisk()
      const old = yield* Effect.provide(
        Effect.gen(function* () {
          const old = yield* classicGroup
          yield* beat("a", 0)
          yield* join(old)
          yield* sync(old, 2)
          yield* beat("a", 2)
          return old
        }),
        brokerOn(disk)
      )
      assert.deepStrictEqual(disk.groups.get("g")!.members?.length, 2)
      yield* Effect.provide(
        Effect.gen(function* () {
          assert.strictEqual(yield* classicBeat(old, 2), "ok")
          assert.strictEqual((yield* beat("a", 2)).assignment, null)
          assert.deepStrictEqual(yield* listed, ["consumer Stable"])
          yield* beat("a", -1)
          assert.deepStrictEqual(yield* listed, ["classic PreparingRebalance"])
          yield* join(old)
          yield* sync(old, 3, [{ memberId: old, assignment: assignment(0, 1, 2, 3) }])
        }),
        brokerOn(disk)
      )
      assert.isEmpty(disk.groups.get("g")!.members)
      yield* Effect.provide(
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* listed, ["classic Stable"])
          assert.strictEqual(yield* classicBeat(old, 3), "ok")
        }),
        brokerOn(disk)
      )
    })
  )

  it.effect("a static member that comes back in the classic protocol makes it a classic group, with no rebalance", () =>
    Effect.gen(function* () {
      const consumers = yield* ConsumerGroups
      yield* consumers.heartbeat({
        groupId: "g",
        apiVersion: 1,
        memberId: "a",
        memberEpoch: 0,
        instanceId: "i",
        rackId: null,
        rebalanceTimeoutMs: 30_000,
        subscribedTopicNames: ["t"],
        subscribedTopicRegex: null,
        serverAssignor: null,
        topicPartitions: [],
        clientId: "c",
        clientHost: "/h"
      })
      const back = yield* join("", subscription(), "i")
      assert.strictEqual(back.generationId, 2)
      assert.deepStrictEqual(yield* sync(back.memberId, 2), [0, 1, 2, 3])
      assert.deepStrictEqual(yield* listed, ["classic Stable"])
    }).pipe(Effect.provide(brokerOn(newDisk())))
  )

  it.effect("empty groups become what is asked of them", () =>
    Effect.gen(function* () {
      yield* beat("a", 0)
      yield* beat("a", -1)
      assert.deepStrictEqual(yield* listed, ["consumer Empty"])
      const { generationId, memberId } = yield* join("")
      assert.strictEqual(generationId, 4)
      const groups = yield* Groups
      yield* groups.leaveGroup({ groupId: "g", members: [{ memberId, groupInstanceId: null }] })
      assert.deepStrictEqual(yield* listed, ["classic Empty"])
      assert.strictEqual((yield* beat("a", 0)).memberEpoch, 2)
      assert.deepStrictEqual(yield* listed, ["consumer Stable"])
    }).pipe(Effect.provide(brokerOn(newDisk())))
  )
})

describe("group.consumer.migration.policy", () => {
  const upgraded = (policy: ConsumerMigrationPolicy) =>
    Effect.gen(function* () {
      yield* classicGroup
      return yield* beat("a", 0).pipe(Effect.match({ onSuccess: () => "ok", onFailure: ({ _tag }) => _tag as string }))
    }).pipe(Effect.provide(brokerOn(newDisk(), policy)))

  const downgraded = (policy: ConsumerMigrationPolicy) =>
    Effect.gen(function* () {
      yield* beat("a", 0)
      const { error } = yield* join("")
      if (error !== null) return error._tag as string
      yield* beat("a", -1)
      return (yield* listed)[0]!.split(" ")[0]!
    }).pipe(Effect.provide(brokerOn(newDisk(), policy)))

  it.effect("says which way groups may go", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* upgraded("bidirectional"), "ok")
      assert.strictEqual(yield* upgraded("upgrade"), "ok")
      assert.strictEqual(yield* upgraded("downgrade"), "GroupIdNotFound")
      assert.strictEqual(yield* upgraded("disabled"), "GroupIdNotFound")
      assert.strictEqual(yield* downgraded("bidirectional"), "classic")
      assert.strictEqual(yield* downgraded("downgrade"), "classic")
      assert.strictEqual(yield* downgraded("upgrade"), "consumer")
      assert.strictEqual(yield* downgraded("disabled"), "InconsistentGroupProtocol")
    })
  )

  it.effect("groups that are no consumers' stay as they are", () =>
    Effect.gen(function* () {
      const groups = yield* Groups
      yield* groups.joinGroup({
        groupId: "g",
        apiVersion: 3,
        memberId: "",
        groupInstanceId: null,
        clientId: "c",
        clientHost: "/h",
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 30_000,
        protocolType: "connect",
        protocols: [{ name: "x", metadata: new Uint8Array(0) }],
        reason: null
      })
      const error = yield* Effect.flip(beat("a", 0))
      assert.strictEqual(error._tag, "GroupIdNotFound")
      assert.deepStrictEqual(yield* listed, ["classic CompletingRebalance"])
    }).pipe(Effect.provide(brokerOn(newDisk())))
  )
})
