/** What the simulation has found in the broker, each in the fewest steps that show it. */
import { describe, expect, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { Log } from "@tusk/storage/log/Log"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { StoreError } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"

const PARTITION = 1

/** Memory whose next commits and heartbeats can be made to fail. */
const makeFragile = () => {
  const data = new MemoryStore.MemoryData("FragileClusterAAAAAAAA")
  const memory = MemoryStore.make(data, { maxBytes: 1 << 20 })
  const commitErrors: Array<StoreError> = []
  const heartbeatErrors: Array<StoreError | "silence"> = []
  const silence = Latch.makeUnsafe(false)
  return {
    data,
    commitErrors,
    heartbeatErrors,
    silence,
    store: Store.of({
      ...memory,
      commit: (units) =>
        Effect.andThen(
          Effect.yieldNow,
          Effect.suspend(() => {
            const error = commitErrors.shift()
            if (error !== undefined) return Effect.fail(error)
            return memory.commit(units)
          })
        ),
      heartbeat: Effect.suspend(() => {
        const error = heartbeatErrors.shift()
        return error === undefined ? memory.heartbeat : error === "silence" ? silence.await : Effect.fail(error)
      })
    })
  }
}

type Fragile = ReturnType<typeof makeFragile>

const layerOf = ({ store }: Fragile) =>
  Log.layer.pipe(
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(Layer.succeed(Store, store)),
    Layer.fresh
  )

const aPartition = Effect.flatMap(Committer, (committer) =>
  committer.write([
    { _tag: "PutTopic", topicId: "TopicAAAAAAAAAAAAAAAAA", name: "t" },
    { _tag: "PutPartition", topicId: "TopicAAAAAAAAAAAAAAAAA", index: 0, partitionId: PARTITION }
  ])
)

const batch = (baseSequence: number) =>
  RecordBatch.encodeBatch([{ timestamp: 0n, value: Buffer.from(String(baseSequence)) }], {
    producerId: 7n,
    producerEpoch: 0,
    baseSequence
  })

const append = (baseSequence: number) =>
  Effect.flatMap(Log, (log) =>
    Effect.map(log.append([{ partitionId: PARTITION, batch: batch(baseSequence), stampTime: false }]), ([result]) =>
      "_tag" in result! ? result._tag : Number(result!.baseOffset)
    )
  )

describe("found by the simulation", () => {
  it.effect("the second batch of a new producer is not taken if the first one failed", () => {
    const fragile = makeFragile()
    return Effect.gen(function* () {
      yield* aPartition
      fragile.commitErrors.push(new StoreUnavailable({ message: "refused" }))
      const first = yield* Effect.forkChild(append(0), { startImmediately: true })
      yield* Effect.yieldNow
      const second = yield* Effect.forkChild(append(1), { startImmediately: true })
      expect(yield* Fiber.join(first)).toBe("KafkaStorageError")
      expect(yield* Fiber.join(second)).not.toBe(0)
      expect(yield* append(1)).toBe("OutOfOrderSequenceNumber")
      expect(yield* append(0)).toBe(0)
      expect(yield* append(1)).toBe(1)
    }).pipe(Effect.provide(layerOf(fragile)))
  })

  it.effect("a producer may begin with any sequence if nothing of it has failed", () =>
    Effect.gen(function* () {
      yield* aPartition
      expect(yield* append(5)).toBe(0)
    }).pipe(Effect.provide(layerOf(makeFragile())))
  )

  it.effect("what was decided before a take-over is not stored after it", () => {
    const fragile = makeFragile()
    return Effect.gen(function* () {
      yield* aPartition
      const committer = yield* Committer
      const put = (groupId: string) => committer.write([{ _tag: "PutGroup", groupId, kind: "classic", value: "" }])
      fragile.commitErrors.push(new OutcomeUnknown({ message: "the connection was lost" }))
      const before = yield* Effect.forkChild(Effect.result(put("before")), { startImmediately: true })
      yield* Effect.yieldNow
      // Waits in the queue while the commit before it is lost, and the lock with it.
      const behind = yield* Effect.forkChild(Effect.result(put("behind")), { startImmediately: true })
      expect(yield* Fiber.join(before)).toMatchObject({ failure: { _tag: "RequestTimedOut" } })
      expect(yield* Fiber.join(behind)).toMatchObject({ failure: { _tag: "NotLeaderOrFollower" } })
      yield* put("after")
      expect(Array.from(fragile.data.groups.keys())).toEqual(["after"])
    }).pipe(Effect.provide(layerOf(fragile)))
  })

  it.effect("a broker that has lost the lock refuses no batch and no offset", () => {
    const fragile = makeFragile()
    return Effect.gen(function* () {
      yield* aPartition
      const log = yield* Log
      const read = Effect.map(
        log.read([{ partitionId: PARTITION, from: 9n, maxBytes: 1 }], {
          bound: "HighWatermark",
          maxBytes: 1,
          atLeastOne: true
        }),
        ([result]) => ("_tag" in result! ? result._tag : "read")
      )
      expect(yield* append(0)).toBe(0)
      expect(yield* read).toBe("OffsetOutOfRange")
      expect(yield* append(3)).toBe("OutOfOrderSequenceNumber")
      const gone = new Fenced({ message: "the session is gone" })
      // What it was about to refuse is looked at anew, by what it knows once it has the lock again.
      fragile.heartbeatErrors.push(gone)
      expect(yield* read).toBe("OffsetOutOfRange")
      expect(fragile.heartbeatErrors).toEqual([])
      fragile.heartbeatErrors.push(gone)
      expect(yield* append(3)).toBe("NotLeaderOrFollower")
    }).pipe(Effect.provide(layerOf(fragile)))
  })

  it.effect("nor does one whose server answers pings and takes no writes any more", () => {
    const fragile = makeFragile()
    return Effect.gen(function* () {
      yield* aPartition
      const log = yield* Log
      expect(yield* append(0)).toBe(0)
      fragile.heartbeatErrors.push("silence")
      const read = yield* Effect.forkChild(
        log.read([{ partitionId: PARTITION, from: 9n, maxBytes: 1 }], {
          bound: "HighWatermark",
          maxBytes: 1,
          atLeastOne: true
        }),
        { startImmediately: true }
      )
      const appended = yield* Effect.forkChild(append(3), { startImmediately: true })
      yield* TestClock.adjust("20 seconds")
      expect([read.pollUnsafe(), appended.pollUnsafe()]).toEqual([undefined, undefined])
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(read)).toMatchObject([{ _tag: "KafkaStorageError" }])
      expect(yield* Fiber.join(appended)).toBe("RequestTimedOut")
      yield* fragile.silence.open
    }).pipe(Effect.provide(layerOf(fragile)))
  })

  it.effect("a request for a partition that is never loaded waits no longer than any other", () => {
    const fragile = makeFragile()
    const silent = { ...fragile, store: { ...fragile.store, loadPartitions: () => Effect.never } }
    return Effect.gen(function* () {
      yield* aPartition
      const log = yield* Log
      const read = yield* Effect.forkChild(
        log.read([{ partitionId: PARTITION, from: 0n, maxBytes: 1 }], {
          bound: "HighWatermark",
          maxBytes: 1,
          atLeastOne: true
        }),
        { startImmediately: true }
      )
      yield* TestClock.adjust("30 seconds")
      expect(yield* Fiber.join(read)).toMatchObject([{ _tag: "KafkaStorageError" }])
    }).pipe(Effect.provide(layerOf(silent)))
  })
})
