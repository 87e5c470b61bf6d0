import { assert, describe, it } from "@effect/vitest"
import type { GroupConfig } from "@tusk/coordinator/group/shell/GroupConfig"
import type { CommitOffsets, JoinGroup, SyncGroup } from "@tusk/coordinator/group/shell/GroupRequests"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { Disk } from "../Disk.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
/** ConsumerProtocolSubscription 0 of one topic, and what later versions add. */
const subscription = (topic: string): Uint8Array => {
  const view = new DataView(new ArrayBuffer(8 + topic.length + 4))
  view.setInt32(2, 1)
  view.setInt16(6, topic.length)
  const value = new Uint8Array(view.buffer)
  value.set(bytes(topic), 8)
  return value
}

const join = (change: Partial<JoinGroup> = {}): JoinGroup => ({
  groupId: "g",
  apiVersion: 3,
  memberId: "",
  groupInstanceId: null,
  clientId: "client",
  clientHost: "/127.0.0.1",
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: subscription("orders") }],
  reason: null,
  ...change
})
const sync = (memberId: string, generationId: number, change: Partial<SyncGroup> = {}): SyncGroup => ({
  groupId: "g",
  memberId,
  groupInstanceId: null,
  generationId,
  protocolType: "consumer",
  protocolName: "range",
  assignments: [],
  ...change
})
const beat = (memberId: string, generationId: number, groupId = "g") => ({
  groupId,
  memberId,
  generationId,
  groupInstanceId: null
})
const commit = (memberId: string, generationId: number, change: Partial<CommitOffsets> = {}): CommitOffsets => ({
  ...beat(memberId, generationId),
  apiVersion: 8,
  transactional: false,
  retentionTimeMs: -1n,
  offsets: [{ partitionId: 7, offset: 42n, leaderEpoch: 0, metadata: "" }],
  ...change
})

/** "ok", or the error's tag. */
const outcome = <A>(effect: Effect.Effect<A, KafkaError>): Effect.Effect<string> =>
  Effect.match(effect, { onFailure: (error) => error._tag, onSuccess: () => "ok" })
/** A broker over the disk; `crash` ends it. */
const start = (disk: Disk, config: Partial<GroupConfig> = {}) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Layer.fresh(Layer.provide(Groups.layer(config), disk.layer)), scope)
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const groups = yield* Effect.provide(Groups, context)
    return { groups, crash: Scope.close(scope, Exit.void) }
  })
const settle = Effect.replicateEffect(Effect.yieldNow, 20)

/** Members a, which leads, and b, in a stable generation 2. */
const pair = (groups: Groups["Service"]) =>
  Effect.gen(function* () {
    const a = yield* groups.joinGroup(join())
    yield* groups.syncGroup(sync(a.memberId, 1))
    const joining = yield* Effect.forkChild(groups.joinGroup(join()))
    yield* settle
    yield* groups.joinGroup(join({ memberId: a.memberId }))
    const b = yield* Fiber.join(joining)
    const assignments = [
      { memberId: a.memberId, assignment: bytes("of a") },
      { memberId: b.memberId, assignment: bytes("of b") }
    ]
    const waiting = yield* Effect.forkChild(groups.syncGroup(sync(b.memberId, 2)))
    yield* settle
    yield* groups.syncGroup(sync(a.memberId, 2, { assignments }))
    assert.deepStrictEqual((yield* Fiber.join(waiting)).assignment, bytes("of b"))
    return { a: a.memberId, b: b.memberId }
  })

describe("Groups", () => {
  it.effect("two members agree, and a generation is stored once, whatever the heartbeats", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a, b } = yield* pair(groups)
      for (let i = 0; i < 20; i++) {
        yield* TestClock.adjust(3000)
        yield* groups.heartbeat(beat(a, 2))
        yield* groups.heartbeat(beat(b, 2))
      }
      assert.deepStrictEqual(disk.log, ["put g", "put g"])
      const [described] = yield* groups.describeGroups(["g"])
      assert.deepStrictEqual([described?.state, described?.protocolName], ["Stable", "range"])
      assert.deepStrictEqual(
        described?.members.map(({ assignment }) => assignment),
        [bytes("of a"), bytes("of b")]
      )
    })
  )

  it.effect("no member is late while the group is being stored", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const a = yield* groups.joinGroup(join())
      disk.open.closeUnsafe()
      const syncing = yield* Effect.forkChild(groups.syncGroup(sync(a.memberId, 1)))
      yield* settle
      // Nearly three times the session timeout, and less than a request waits.
      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(syncing.pollUnsafe())
      disk.open.openUnsafe()
      yield* Fiber.join(syncing)
      yield* settle
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a.memberId, 1))), "ok")
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a.memberId, 1))), "ok")
      // And from then on as ever.
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a.memberId, 1))), "UnknownMemberId")
    })
  )

  it.effect("no member is late while no client can be answered", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a, b } = yield* pair(groups)
      for (let i = 0; i < 6; i++) {
        disk.unservedMs += 5000
        yield* TestClock.adjust("5 seconds")
      }
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "ok")
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "ok")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(b, 2))), "UnknownMemberId")
    })
  )

  it.effect("a request that waits for a group that takes too long to store is told so, and the group goes on", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const a = yield* groups.joinGroup(join())
      disk.open.closeUnsafe()
      // One with a step that is being stored, one that waits for its turn behind it.
      const syncing = yield* Effect.forkChild(outcome(groups.syncGroup(sync(a.memberId, 1))))
      yield* settle
      const beating = yield* Effect.forkChild(outcome(groups.heartbeat(beat(a.memberId, 1))))
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* Fiber.join(syncing), "CoordinatorNotAvailable")
      assert.strictEqual(yield* Fiber.join(beating), "CoordinatorNotAvailable")
      const later = yield* Effect.forkChild(outcome(groups.heartbeat(beat(a.memberId, 1))))
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* Fiber.join(later), "CoordinatorNotAvailable")
      disk.open.openUnsafe()
      yield* settle
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a.memberId, 1))), "ok")
      assert.strictEqual(yield* outcome(groups.syncGroup(sync(a.memberId, 1))), "ok")
    })
  )

  it.effect("a member id comes with MEMBER_ID_REQUIRED from JoinGroup 4 on", () =>
    Effect.gen(function* () {
      const { groups } = yield* start(new Disk())
      const first = yield* groups.joinGroup(join({ apiVersion: 4 }))
      assert.strictEqual(first.error?._tag, "MemberIdRequired")
      assert.match(first.memberId, /^client-.{22}$/)
      const second = yield* groups.joinGroup(join({ apiVersion: 4, memberId: first.memberId }))
      assert.strictEqual(second.error, null)
      const other = yield* groups.joinGroup(join({ apiVersion: 5, groupId: "h", groupInstanceId: "one" }))
      assert.match(other.memberId, /^one-/)
    })
  )

  it.effect("groups that are not there", () =>
    Effect.gen(function* () {
      const { groups } = yield* start(new Disk())
      assert.strictEqual((yield* groups.joinGroup(join({ groupId: "" }))).error?._tag, "InvalidGroupId")
      assert.strictEqual((yield* groups.joinGroup(join({ memberId: "x" }))).error?._tag, "UnknownMemberId")
      assert.strictEqual(yield* outcome(groups.syncGroup(sync("x", 1))), "UnknownMemberId")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat("x", 1))), "UnknownMemberId")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat("x", 1, ""))), "InvalidGroupId")
      const [left] = yield* groups.leaveGroup({ groupId: "g", members: [{ memberId: "x", groupInstanceId: null }] })
      assert.strictEqual(left?.error?._tag, "UnknownMemberId")
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit("x", 1))), "IllegalGeneration")
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit("x", 1, { apiVersion: 9 }))), "GroupIdNotFound")
      assert.strictEqual((yield* groups.deleteGroups(["g"]))[0]?._tag, "GroupIdNotFound")
      assert.strictEqual(yield* outcome(groups.deleteOffsets({ groupId: "g", topics: [] })), "GroupIdNotFound")
      const [described] = yield* groups.describeGroups(["g"])
      assert.deepStrictEqual([described?.state, described?.error?._tag], ["Dead", "GroupIdNotFound"])
      assert.deepStrictEqual(yield* groups.listGroups({ states: [], types: [] }), [])
      assert.strictEqual((yield* groups.fetchOffsets("g")).size, 0)
    })
  )

  it.effect("silence ends a session within a second of its timeout (G3)", () =>
    Effect.gen(function* () {
      const { groups } = yield* start(new Disk())
      const { a, b } = yield* pair(groups)
      yield* TestClock.adjust(9000)
      yield* groups.heartbeat(beat(a, 2))
      yield* TestClock.adjust(999)
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "ok")
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "RebalanceInProgress")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(b, 2))), "UnknownMemberId")
    })
  )

  it.effect("a member that does not join again in time is left out", () =>
    Effect.gen(function* () {
      const { groups } = yield* start(new Disk())
      const { a, b } = yield* pair(groups)
      const joining = yield* Effect.forkChild(groups.joinGroup(join()))
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust(5000)
        assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "RebalanceInProgress")
        assert.strictEqual(yield* outcome(groups.heartbeat(beat(b, 2))), "RebalanceInProgress")
      }
      yield* TestClock.adjust(5000)
      const c = yield* Fiber.join(joining)
      assert.deepStrictEqual([c.generationId, c.leader, c.members.length], [3, c.memberId, 1])
    })
  )

  it.effect("a client that disconnects gives up its own wait and no other's", () =>
    Effect.gen(function* () {
      const { groups } = yield* start(new Disk())
      const { a, b } = yield* pair(groups)
      const newcomer = yield* Effect.forkChild(groups.joinGroup(join()))
      yield* settle
      const gone = yield* Effect.forkChild(groups.joinGroup(join({ memberId: b })))
      yield* settle
      yield* Fiber.interrupt(gone)
      const leader = yield* groups.joinGroup(join({ memberId: a }))
      const { memberId, error } = yield* Fiber.join(newcomer)
      assert.strictEqual(error, null)
      // it joined, whether or not a client hears of it
      assert.sameMembers(
        leader.members.map((member) => member.memberId),
        [a, b, memberId]
      )
    })
  )

  it.effect("an answer waits for the store, and is given though the leader has gone", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a, b } = yield* pair(groups)
      const rejoining = yield* Effect.forkChild(groups.joinGroup(join({ memberId: a })))
      yield* settle
      yield* groups.joinGroup(join({ memberId: b }))
      yield* Fiber.join(rejoining)
      const follower = yield* Effect.forkChild(groups.syncGroup(sync(b, 3)))
      yield* settle
      disk.open.closeUnsafe()
      const assignments = [{ memberId: b, assignment: bytes("new") }]
      const leader = yield* Effect.forkChild(groups.syncGroup(sync(a, 3, { assignments })))
      yield* settle
      assert.isUndefined(follower.pollUnsafe())
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(leader))
      yield* settle
      disk.open.openUnsafe()
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual((yield* Fiber.join(follower)).assignment, bytes("new"))
    })
  )

  it.effect("a group is loaded again if its state is not stored, and requests that wait ask elsewhere", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a, b } = yield* pair(groups)
      const rejoining = yield* Effect.forkChild(groups.joinGroup(join({ memberId: a })))
      yield* settle
      yield* groups.joinGroup(join({ memberId: b }))
      yield* Fiber.join(rejoining)
      const follower = yield* Effect.forkChild(outcome(groups.syncGroup(sync(b, 3))))
      yield* settle
      disk.fault = "before"
      assert.strictEqual(yield* outcome(groups.syncGroup(sync(a, 3))), "NotCoordinator")
      assert.strictEqual(yield* Fiber.join(follower), "NotCoordinator")
      // it goes on from the stored state
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "ok")
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit(a, 3))), "IllegalGeneration")
      assert.strictEqual(disk.loads, 2)
      // and its timer with it
      yield* TestClock.adjust(10_000)
      assert.strictEqual((yield* groups.describeGroups(["g"]))[0]?.state, "Empty")
    })
  )

  it.effect("a state that was stored though its answer was lost is the one that holds", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const a = yield* groups.joinGroup(join())
      disk.fault = "after"
      assert.strictEqual(yield* outcome(groups.syncGroup(sync(a.memberId, 1))), "NotCoordinator")
      disk.failLoads = true
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a.memberId, 1))), "NotCoordinator")
      assert.strictEqual(yield* outcome(groups.listGroups({ states: [], types: [] })), "NotCoordinator")
      disk.failLoads = false
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a.memberId, 1))), "ok")
    })
  )

  it.effect("after a restart members go on with Heartbeat, and commits are fenced as before", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const first = yield* start(disk)
      const { a, b } = yield* pair(first.groups)
      yield* first.crash
      const { groups } = yield* start(disk)
      yield* TestClock.adjust(9999)
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "ok")
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit(a, 1))), "IllegalGeneration")
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit("z", 2))), "UnknownMemberId")
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit(b, 2))), "ok")
      assert.deepStrictEqual((yield* groups.syncGroup(sync(b, 2))).assignment, bytes("of b"))
      assert.deepStrictEqual(disk.log, ["put g", "put g", "commit g"])
    })
  )

  it.effect("a take-over loads everything again and answers requests that waited", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a } = yield* pair(groups)
      const waiting = yield* Effect.forkChild(groups.joinGroup(join()))
      yield* settle
      disk.groups.set("other", { ...disk.groups.get("g")!, groupId: "other" })
      yield* disk.takeOver
      assert.strictEqual((yield* Fiber.join(waiting)).error?._tag, "NotCoordinator")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "ok")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2, "other"))), "ok")
    })
  )

  it.effect("what is stored behind the back of a take-over holds all the same", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { memberId } = yield* groups.joinGroup(join())
      disk.open.closeUnsafe()
      const syncing = yield* Effect.forkChild(outcome(groups.syncGroup(sync(memberId, 1))))
      yield* settle
      yield* disk.takeOver
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(memberId, 1))), "UnknownMemberId")
      disk.open.openUnsafe()
      assert.strictEqual(yield* Fiber.join(syncing), "NotCoordinator")
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(memberId, 1))), "ok")
    })
  )

  it.effect("a stored group that cannot be read begins anew, its offsets stay", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const unknown = { groupId: "g", kind: "classic", value: `{"version":99}` }
      disk.groups.set("g", { ...unknown, members: [], sharePartitions: [] })
      const { groups } = yield* start(disk)
      assert.strictEqual(yield* outcome(groups.heartbeat(beat("a", 2))), "UnknownMemberId")
      assert.strictEqual((yield* groups.joinGroup(join())).error, null)
    })
  )

  it.effect("no more groups than are allowed; one that holds nothing takes no place", () =>
    Effect.gen(function* () {
      const { groups } = yield* start(new Disk(), { maxGroups: 1 })
      const refused = yield* groups.joinGroup(join({ groupId: "vain", sessionTimeoutMs: 1 }))
      assert.strictEqual(refused.error?._tag, "InvalidSessionTimeout")
      const given = yield* groups.joinGroup(join({ groupId: "one", apiVersion: 4 }))
      assert.strictEqual(given.error?._tag, "MemberIdRequired")
      assert.strictEqual((yield* groups.joinGroup(join({ groupId: "two" }))).error?._tag, "PolicyViolation")
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit("", -1))), "PolicyViolation")
      yield* TestClock.adjust(10_000)
      assert.strictEqual((yield* groups.joinGroup(join({ groupId: "two" }))).error, null)
    })
  )
})

describe("offsets", () => {
  it.effect("a simple consumer's group is there, empty, and remembers what was committed", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const offsets = [
        { partitionId: 1, offset: 10n, leaderEpoch: 3, metadata: "x".repeat(4097) },
        { partitionId: 2, offset: 20n, leaderEpoch: -1, metadata: null }
      ]
      const errors = yield* groups.commitOffsets(commit("", -1, { offsets, retentionTimeMs: 5n }))
      assert.deepStrictEqual(
        errors.map((error) => error?._tag),
        ["OffsetMetadataTooLarge", undefined]
      )
      assert.deepStrictEqual(Array.from((yield* groups.fetchOffsets("g")).values()), [
        { ...offsets[1]!, commitTimestamp: 0n, expireTimestamp: 5n }
      ])
      const list = (states: ReadonlyArray<string>, types: ReadonlyArray<string>) => groups.listGroups({ states, types })
      const listed = [{ groupId: "g", protocolType: "", state: "Empty" as const, type: "classic", members: 0 }]
      assert.deepStrictEqual(yield* list([], []), listed)
      assert.deepStrictEqual(yield* list(["empty"], ["Classic"]), listed)
      assert.deepStrictEqual(yield* list(["Stable"], []), [])
      assert.deepStrictEqual(yield* list([], ["consumer"]), [])
      const again = yield* start(disk)
      assert.deepStrictEqual(yield* again.groups.listGroups({ states: [], types: [] }), listed)
      assert.strictEqual((yield* again.groups.describeGroups(["g"]))[0]?.state, "Empty")
    })
  )

  it.effect(
    "those of partitions that the group consumes in SQL are refused, of members, outsiders and transactions",
    () =>
      Effect.gen(function* () {
        const disk = new Disk()
        const { groups } = yield* start(disk)
        const { a } = yield* pair(groups)
        disk.claims.set("g", [8])
        const offsets = [7, 8].map((partitionId) => ({ partitionId, offset: 1n, leaderEpoch: -1, metadata: null }))
        for (const request of [commit(a, 2, { offsets }), commit(a, 2, { offsets, transactional: true })]) {
          const errors = yield* groups.commitOffsets(request)
          assert.deepStrictEqual(
            errors.map((error) => error?._tag),
            [undefined, "UnknownMemberId"]
          )
        }
        assert.deepStrictEqual(Array.from((yield* groups.fetchOffsets("g")).keys()), [7])
        disk.claims.set("other", [7])
        const [error] = yield* groups.commitOffsets(commit("", -1, { groupId: "other" }))
        assert.strictEqual(error?._tag, "UnknownMemberId")
      })
  )

  it.effect("a commit is admitted before the group's next step, holds up no other, and needs no client to end", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a } = yield* pair(groups)
      disk.open.closeUnsafe()
      const committing = yield* Effect.forkChild(groups.commitOffsets(commit(a, 2)))
      yield* settle
      assert.strictEqual(yield* outcome(groups.heartbeat(beat(a, 2))), "ok")
      const leaving = yield* Effect.forkChild(
        groups.leaveGroup({ groupId: "g", members: [{ memberId: a, groupInstanceId: null }] })
      )
      yield* settle
      yield* Fiber.interrupt(committing)
      yield* Fiber.join(leaving)
      disk.open.openUnsafe()
      yield* settle
      assert.strictEqual((yield* groups.fetchOffsets("g")).get(7)?.offset, 42n)
      assert.deepStrictEqual(disk.log, ["put g", "put g", "commit g"])
    })
  )

  it.effect("a commit found valid comes before the state that would refuse it", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a, b } = yield* pair(groups)
      const members = [a, b].map((memberId) => ({ memberId, groupInstanceId: null }))
      const committing = yield* Effect.forkChild(groups.commitOffsets(commit(a, 2)))
      const leaving = yield* Effect.forkChild(groups.leaveGroup({ groupId: "g", members }))
      yield* Fiber.join(committing)
      yield* Fiber.join(leaving)
      assert.deepStrictEqual(disk.log.slice(2), ["commit g", "put g"])
    })
  )

  it.effect("a commit that is not stored is not acknowledged, and leaves no group behind", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      disk.fault = "before"
      assert.strictEqual(yield* outcome(groups.commitOffsets(commit("", -1))), "NotCoordinator")
      assert.deepStrictEqual(yield* groups.listGroups({ states: [], types: [] }), [])
      assert.strictEqual(yield* outcome(groups.validateCommit(commit("", -1))), "ok")
    })
  )

  it.effect("deleting a group takes its offsets; one with members stays", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a, b } = yield* pair(groups)
      yield* groups.commitOffsets(commit(a, 2))
      yield* groups.commitOffsets(commit("", -1, { groupId: "simple" }))
      const before = yield* groups.deleteGroups(["g", "simple", "none"])
      assert.deepStrictEqual(
        before.map((error) => error?._tag),
        ["NonEmptyGroup", undefined, "GroupIdNotFound"]
      )
      yield* groups.leaveGroup({
        groupId: "g",
        members: [a, b].map((memberId) => ({ memberId, groupInstanceId: null }))
      })
      disk.fault = "before"
      assert.strictEqual((yield* groups.deleteGroups(["g"]))[0]?._tag, "NotCoordinator")
      assert.strictEqual((yield* groups.deleteGroups(["g"]))[0], null)
      assert.deepStrictEqual([disk.groups.size, disk.offsets.size], [0, 0])
      assert.deepStrictEqual(yield* groups.listGroups({ states: [], types: [] }), [])
    })
  )

  it.effect("offsets of topics that members read stay", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk)
      const { a, b } = yield* pair(groups)
      const offsets = [1, 2].map((partitionId) => ({ partitionId, offset: 1n, leaderEpoch: 0, metadata: null }))
      yield* groups.commitOffsets(commit(a, 2, { offsets }))
      const topics = [
        { name: "orders", partitionIds: [1] },
        { name: "parcels", partitionIds: [2, 3] }
      ]
      const results = yield* groups.deleteOffsets({ groupId: "g", topics })
      assert.deepStrictEqual(
        results.map((error) => error?._tag),
        ["GroupSubscribedToTopic", undefined]
      )
      assert.deepStrictEqual(Array.from((yield* groups.fetchOffsets("g")).keys()), [1])
      yield* groups.leaveGroup({
        groupId: "g",
        members: [a, b].map((memberId) => ({ memberId, groupInstanceId: null }))
      })
      assert.deepStrictEqual(yield* groups.deleteOffsets({ groupId: "g", topics }), [null, null])
      assert.strictEqual((yield* groups.fetchOffsets("g")).size, 0)

      const connect = join({ groupId: "connect", protocolType: "connect" })
      assert.strictEqual((yield* groups.joinGroup(connect)).error, null)
      assert.strictEqual(yield* outcome(groups.deleteOffsets({ groupId: "connect", topics })), "NonEmptyGroup")
    })
  )

  it.effect("offsets of an empty group expire when it has been empty long enough, and the group with them", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk, { offsetsRetentionMs: 3_600_000, offsetsRetentionCheckIntervalMs: 60_000 })
      const { a, b } = yield* pair(groups)
      yield* groups.commitOffsets(commit(a, 2))
      yield* groups.commitOffsets(commit("", -1, { groupId: "simple" }))
      for (let minute = 0; minute < 61; minute++) {
        for (let i = 0; i < 6; i++) {
          yield* TestClock.adjust(9_999)
          yield* groups.heartbeat(beat(a, 2))
          yield* groups.heartbeat(beat(b, 2))
        }
      }
      // the members are there; the simple consumer's commit is too old
      assert.deepStrictEqual(
        [(yield* groups.fetchOffsets("g")).size, (yield* groups.fetchOffsets("simple")).size],
        [1, 0]
      )
      yield* TestClock.adjust(3_600_000)
      assert.strictEqual((yield* groups.fetchOffsets("g")).size, 1)
      yield* TestClock.adjust(3 * 60_000)
      assert.deepStrictEqual([disk.groups.size, disk.offsets.size], [0, 0])
      assert.strictEqual((yield* groups.describeGroups(["g"]))[0]?.state, "Dead")
    })
  )

  it.effect("nothing expires while there are members, or while a commit is under way", () =>
    Effect.gen(function* () {
      const disk = new Disk()
      const { groups } = yield* start(disk, { offsetsRetentionMs: 1000, offsetsRetentionCheckIntervalMs: 5000 })
      const { a, b } = yield* pair(groups)
      const longer = { retentionTimeMs: 3_600_000n, offsets: [{ ...commit(a, 2).offsets[0]!, partitionId: 8 }] }
      yield* groups.commitOffsets(commit(a, 2))
      yield* groups.commitOffsets(commit(a, 2, longer))
      yield* TestClock.adjust(9000)
      assert.strictEqual((yield* groups.fetchOffsets("g")).size, 2)
      const members = [a, b].map((memberId) => ({ memberId, groupInstanceId: null }))
      yield* groups.leaveGroup({ groupId: "g", members })
      yield* TestClock.adjust(7000)
      // the one for which its client asked an hour stays
      assert.deepStrictEqual(Array.from((yield* groups.fetchOffsets("g")).keys()), [8])
      yield* groups.deleteOffsets({ groupId: "g", topics: [{ name: "any", partitionIds: [8] }] })
      disk.open.closeUnsafe()
      const committing = yield* Effect.forkChild(groups.commitOffsets(commit("", -1)))
      yield* TestClock.adjust(20_000)
      disk.open.openUnsafe()
      yield* Fiber.join(committing)
      assert.isFalse(disk.log.includes("remove g"))
      yield* TestClock.adjust(10_000)
      assert.isTrue(disk.log.includes("remove g"))
    })
  )
})
