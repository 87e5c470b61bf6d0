import { assert, describe, it } from "@effect/vitest"
import { defaultGroupResourceConfig, GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import type { GroupResourceConfig, ShareAutoOffsetReset } from "@tusk/coordinator/group/machine/GroupConfigs"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { ShareGroups } from "@tusk/coordinator/group/shell/ShareGroups"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import { OffsetOutOfRange } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { Log } from "@tusk/storage/log/Log"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import { Disk } from "../Disk.ts"

/** A log of one batch, offsets 0 to 3, in each partition, of a transaction that is open. */
const batch = RecordBatch.encodeBatch(
  ["a", "b", "c", "d"].map((value) => ({ timestamp: 1n, key: null, value: new TextEncoder().encode(value) }))
)
const log = Layer.mock(Log, {
  appending: () => {
    throw new Error("not here")
  },
  deleting: () => {
    throw new Error("not here")
  },
  marking: () => {
    throw new Error("not here")
  },
  loading: () => undefined,
  ends: (partitionIds) =>
    Effect.succeed(partitionIds.map(() => ({ logStartOffset: 0n, highWatermark: 4n, lastStableOffset: 4n }) as never)),
  read: (requests, { bound }) =>
    Effect.succeed(
      requests.map(
        () =>
          ({
            batches: bound === "HighWatermark" ? [batch] : [],
            bytes: batch.length,
            highWatermark: 4n,
            lastStableOffset: 0n,
            logStartOffset: 0n,
            aborted: []
          }) as never
      )
    ),
  readNow: () => undefined,
  replaced: () => {},
  moved: () => {},
  turnedAway: () => {},
  forget: () => {},
  held: () => ({ tailBytes: 0, readAheadBytes: 0, partitions: 0, waiting: 0 }),
  findByTimestamp: (_, timestamp) => Effect.succeed({ timestamp, offset: 2n } as never)
})

const brokerOn = (
  disk: Disk,
  shareAutoOffsetReset: ShareAutoOffsetReset = "earliest",
  rest: Partial<GroupResourceConfig> = {},
  records = log
) =>
  Layer.provideMerge(ShareGroups.layer, SharePartitions.layer).pipe(
    Layer.provideMerge(Groups.layer({ offsetsRetentionMs: 1000, offsetsRetentionCheckIntervalMs: 1000 })),
    Layer.provide(Layer.mergeAll(disk.layer, records)),
    Layer.provide(
      Layer.succeed(GroupConfigs, () => ({ ...defaultGroupResourceConfig, shareAutoOffsetReset, ...rest }))
    ),
    Layer.fresh
  )

const inShort = <A, R>(effect: Effect.Effect<A, { readonly _tag: string }, R>) =>
  Effect.match(effect, { onFailure: ({ _tag }): A | string => _tag, onSuccess: (value): A | string => value })

const acquire = (memberId: string, groupId = "g", partitionId = 1) =>
  Effect.flatMap(SharePartitions, (partitions) =>
    partitions.acquire({
      groupId,
      memberId,
      partitionId,
      maxBytes: 1000,
      maxRecords: 100,
      strict: false,
      batchSize: 100
    })
  ).pipe(
    Effect.map(({ ranges }) =>
      ranges.map(({ deliveryCount, first, last }) => `${first}-${last} x${deliveryCount}`).join()
    ),
    inShort
  )
const accept = (memberId: string, first: bigint, last: bigint) =>
  Effect.flatMap(SharePartitions, (partitions) =>
    partitions.acknowledge({ groupId: "g", memberId, partitionId: 1, batches: [{ first, last, types: [1] }] })
  ).pipe(Effect.as("taken"), inShort)
const joinOf = (memberId: string) => ({
  groupId: "g",
  memberId,
  memberEpoch: 0,
  rackId: null,
  subscribedTopicNames: ["t"],
  clientId: "c",
  clientHost: "h"
})
const group = Effect.flatMap(ShareGroups, (groups) => groups.make("g"))

describe("SharePartitions", () => {
  it.effect("a lock that is over frees its records, and wakes requests that wait for them", () =>
    Effect.gen(function* () {
      yield* group
      const partitions = yield* SharePartitions
      let woken = 0
      assert.strictEqual(yield* acquire("a"), "0-3 x1")
      const watching = yield* Effect.forkChild(
        partitions.watchingFree("g", [1], () => void woken++, Effect.never),
        { startImmediately: true }
      )
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual([woken, yield* acquire("b")], [0, ""])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(woken, 1)
      assert.strictEqual(yield* acquire("b"), "0-3 x2")
      // A fiber that is interrupted is told nothing any more.
      yield* Fiber.interrupt(watching)
      yield* partitions.releaseMember("g", "b", [1])
      assert.strictEqual(woken, 1)
      assert.strictEqual(yield* accept("b", 0n, 0n), "InvalidRecordState")
    }).pipe(Effect.provide(brokerOn(new Disk())))
  )

  it.effect(
    "what a member acquires in a new session is its own, however long it takes to free what it held in the old one",
    () => {
      const disk = new Disk()
      return Effect.gen(function* () {
        yield* group
        const partitions = yield* SharePartitions
        assert.strictEqual(yield* acquire("a"), "0-3 x1")
        assert.strictEqual(yield* acquire("a", "g", 2), "0-3 x1")
        yield* disk.open.close
        const releasing = yield* Effect.forkChild(partitions.releaseMember("g", "a", [1, 2]), {
          startImmediately: true
        })
        const anew = yield* Effect.forkChild(acquire("a", "g", 2), { startImmediately: true })
        yield* disk.open.open
        yield* Fiber.join(releasing)
        assert.strictEqual(yield* Fiber.join(anew), "0-3 x2")
        assert.strictEqual(yield* acquire("b", "g", 2), "")
        assert.strictEqual(yield* acquire("b"), "0-3 x2")
      }).pipe(Effect.provide(brokerOn(disk)))
    }
  )

  it.effect("records that are deleted while they are read are passed over, without an error for the consumer", () => {
    let logStartOffset = 0n
    const overtaken = Layer.effect(
      Log,
      Effect.map(Log, (real) =>
        Log.of({
          ...real,
          ends: (ids) => Effect.map(real.ends(ids), (ends) => ends.map((end) => ({ ...end, logStartOffset }) as never)),
          read: (requests, options) =>
            Effect.suspend(() => {
              const from = requests[0]!.from
              logStartOffset = 2n
              if (from < logStartOffset) return Effect.succeed([new OffsetOutOfRange()])
              return Effect.map(real.read(requests, options), (reads) =>
                reads.map((read) => ({ ...read, logStartOffset }) as never)
              )
            })
        })
      )
    ).pipe(Layer.provide(log))
    return Effect.gen(function* () {
      yield* group
      assert.strictEqual(yield* acquire("a"), "2-3 x1")
    }).pipe(Effect.provide(brokerOn(new Disk(), "earliest", {}, overtaken)))
  })

  it.effect("an acknowledgement that is not stored is not taken; one that lost its answer may be", () => {
    const disk = new Disk()
    return Effect.gen(function* () {
      yield* group
      assert.strictEqual(yield* acquire("a"), "0-3 x1")
      assert.strictEqual(yield* accept("a", 0n, 0n), "taken")
      disk.fault = "before"
      assert.strictEqual(yield* accept("a", 1n, 1n), "NotCoordinator")
      assert.strictEqual(yield* acquire("b"), "1-3 x2")
      disk.fault = "after"
      assert.strictEqual(yield* accept("b", 1n, 1n), "NotCoordinator")
      assert.strictEqual(yield* acquire("a"), "2-3 x3")
    }).pipe(Effect.provide(brokerOn(disk)))
  })

  it.effect("a restart and a take-over give out what was not acknowledged, and only that", () => {
    const disk = new Disk()
    return Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* group
        yield* acquire("a")
        yield* accept("a", 1n, 2n)
      }).pipe(Effect.provide(brokerOn(disk)))
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* acquire("b"), "0-0 x2,3-3 x2")
        const partitions = yield* SharePartitions
        let woken = false
        yield* Effect.forkChild(
          partitions.watchingFree("g", [1], () => void (woken = true), Effect.never),
          { startImmediately: true }
        )
        yield* disk.takeOver
        assert.isTrue(woken)
        assert.strictEqual(yield* acquire("c"), "0-0 x2,3-3 x2")
        assert.deepStrictEqual(yield* partitions.startOffsets("g"), new Map([[1, 0n]]))
      }).pipe(Effect.provide(brokerOn(disk)))
    })
  })

  it.effect("what is removed does not come back with an acknowledgement that came meanwhile", () => {
    const disk = new Disk()
    return Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* group
        assert.strictEqual(yield* acquire("a"), "0-3 x1")
        disk.open.closeUnsafe()
        const { remove } = yield* SharePartitions
        const removing = yield* Effect.forkChild(remove("g", [1]), { startImmediately: true })
        const accepting = yield* Effect.forkChild(accept("a", 0n, 3n), { startImmediately: true })
        disk.open.openUnsafe()
        yield* Fiber.join(removing)
        assert.strictEqual(yield* Fiber.join(accepting), "InvalidRecordState")
      }).pipe(Effect.provide(brokerOn(disk)))
      assert.strictEqual(yield* Effect.provide(acquire("b"), brokerOn(disk)), "0-3 x1")
    })
  })

  it.effect("a member that would join while offsets are moved waits, and finds them moved", () => {
    const disk = new Disk()
    return Effect.gen(function* () {
      yield* group
      const [groups, partitions] = [yield* ShareGroups, yield* SharePartitions]
      disk.open.closeUnsafe()
      const moving = yield* Effect.forkChild(groups.whileEmpty("g", partitions.setStart("g", 1, 2n)), {
        startImmediately: true
      })
      const joining = yield* Effect.forkChild(groups.heartbeat(joinOf("m")), { startImmediately: true })
      assert.isUndefined(joining.pollUnsafe())
      disk.open.openUnsafe()
      yield* Fiber.join(moving)
      yield* Fiber.join(joining)
      assert.deepStrictEqual(yield* partitions.startOffsets("g"), new Map([[1, 2n]]))
      const late = yield* Effect.result(groups.whileEmpty("g", partitions.setStart("g", 1, 3n)))
      assert.strictEqual(Result.isFailure(late) && late.failure._tag, "NonEmptyGroup")
    }).pipe(Effect.provide(brokerOn(disk)))
  })

  it.effect(
    "a row that cannot be read is an error of its partition alone, told once, until its offsets are deleted",
    () => {
      const disk = new Disk()
      return Effect.gen(function* () {
        yield* Effect.gen(function* () {
          yield* group
          yield* acquire("a")
          yield* accept("a", 0n, 0n)
        }).pipe(Effect.provide(brokerOn(disk)))
        const stored = disk.groups.get("g")!
        const readable = stored.sharePartitions.find(({ partitionId }) => partitionId === 1)!
        const sharePartitions = [
          { partitionId: 1, value: readable.value.replace('"startOffset":"1"', '"startOffset":"-5"') },
          { partitionId: 2, value: readable.value }
        ]
        disk.groups.set("g", { ...stored, sharePartitions })
        const told: Array<string> = []
        const capturing = Logger.layer([Logger.make(({ message }) => void told.push(String(message)))])
        yield* Effect.gen(function* () {
          const partitions = yield* SharePartitions
          for (const _ of [1, 2, 3]) assert.strictEqual(yield* acquire("a"), "KafkaStorageError")
          const offsets = yield* partitions.startOffsets("g")
          assert.strictEqual(offsets.get(2), 1n)
          assert.strictEqual((offsets.get(1) as { readonly _tag: string })._tag, "KafkaStorageError")
          assert.lengthOf(told, 1)
          assert.include(told[0]!, "cannot be read")
          yield* partitions.remove("g", [1])
          assert.strictEqual(yield* acquire("a"), "0-3 x1")
        }).pipe(Effect.provide(Layer.provideMerge(brokerOn(disk), capturing)))
      })
    }
  )

  it.effect("a member has to join again if its row cannot be read, and no other member has to", () => {
    const disk = new Disk()
    return Effect.gen(function* () {
      const epoch = yield* Effect.gen(function* () {
        const groups = yield* ShareGroups
        yield* groups.heartbeat(joinOf("a"))
        return (yield* groups.heartbeat(joinOf("b"))).memberEpoch
      }).pipe(Effect.provide(brokerOn(disk)))
      const stored = disk.groups.get("g")!
      const members = stored.members.map((row) => (row.memberId === "a" ? { ...row, value: "{}" } : row))
      assert.notDeepEqual(members, stored.members)
      disk.groups.set("g", { ...stored, members })
      yield* Effect.gen(function* () {
        const groups = yield* ShareGroups
        const beat = (memberId: string) =>
          inShort(Effect.as(groups.heartbeat({ ...joinOf(memberId), memberEpoch: epoch }), "in"))
        assert.strictEqual(yield* beat("a"), "UnknownMemberId")
        assert.strictEqual(yield* beat("b"), "in")
      }).pipe(Effect.provide(brokerOn(disk)))
    })
  })

  it.effect("writes nothing into a group that is not there", () => {
    const disk = new Disk()
    return Effect.gen(function* () {
      assert.strictEqual(yield* acquire("a"), "GroupIdNotFound")
      assert.strictEqual(yield* acquire("a", "other"), "GroupIdNotFound")
      assert.deepStrictEqual(disk.log, [])
    }).pipe(Effect.provide(brokerOn(disk)))
  })

  it.effect("partitions begin together: one write, and none if they have begun", () => {
    const disk = new Disk()
    return Effect.gen(function* () {
      yield* group
      const partitions = yield* SharePartitions
      disk.fault = "after"
      assert.strictEqual(yield* inShort(partitions.initialize("g", [1, 2, 3])), "KafkaStorageError")
      const { length } = disk.log
      yield* partitions.initialize("g", [1, 2, 3])
      assert.strictEqual(disk.log.length, length)
      yield* partitions.initialize("g", [3, 4, 5])
      assert.strictEqual(disk.log.length, length + 1)
      assert.deepStrictEqual(Array.from((yield* partitions.startOffsets("g")).keys()), [1, 2, 3, 4, 5])
    }).pipe(Effect.provide(brokerOn(disk)))
  })

  it.effect("share.isolation.level=read_committed: nothing of an open transaction is given out", () =>
    Effect.forEach(
      [
        ["read_uncommitted", "0-3 x1"],
        ["read_committed", ""]
      ] as const,
      ([shareIsolationLevel, told]) =>
        Effect.gen(function* () {
          yield* group
          assert.strictEqual(yield* acquire("a"), told)
        }).pipe(Effect.provide(brokerOn(new Disk(), "earliest", { shareIsolationLevel })))
    )
  )

  it.effect("begins at the offset that share.auto.offset.reset says", () =>
    Effect.forEach(
      [
        ["earliest", 0n],
        ["latest", 4n],
        [{ byDurationMs: 1000 }, 2n]
      ] as const,
      ([reset, start]) =>
        Effect.gen(function* () {
          yield* group
          const partitions = yield* SharePartitions
          yield* partitions.initialize("g", [1])
          assert.deepStrictEqual(yield* partitions.startOffsets("g"), new Map([[1, start]]))
        }).pipe(Effect.provide(brokerOn(new Disk(), reset)))
    )
  )
})
