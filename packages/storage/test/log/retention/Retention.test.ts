import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Active } from "../../../src/commit/Active.ts"
import { Committer } from "../../../src/commit/Committer.ts"
import { Configs } from "../../../src/topics/Configs.ts"
import { isKafkaError, Log } from "../../../src/log/Log.ts"
import { Retention } from "../../../src/log/retention/Retention.ts"
import { RetentionOptions, RetentionPolicy } from "../../../src/log/retention/RetentionOptions.ts"
import { Offsets } from "../../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../../src/offsets/SqlClaims.ts"
import { Store } from "../../../src/port/Store.ts"
import { Topics } from "../../../src/topics/Topics.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"

const BATCH = batchOf().byteLength
const LIMITS = new Map([
  ["t", { retentionMs: 100_000, retentionBytes: -1 }],
  // Room for two batches and a half.
  ["sized", { retentionMs: -1, retentionBytes: 2.5 * BATCH }]
])

interface Stores {
  readonly layer: Layer.Layer<Store>
}

const layerOf = (store: Stores) =>
  Retention.layer.pipe(
    Layer.provideMerge(Topics.layer),
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(RetentionOptions, {
          intervalMs: 1 << 30,
          checkIntervalMs: 150_000,
          batchesPerStep: 2,
          bytesPerStep: 1 << 20
        }),
        Layer.succeed(RetentionPolicy, (topic) => LIMITS.get(topic))
      )
    )
  )

const start = Effect.fnUntraced(function* (store: Stores) {
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store)), scope)
  const log = Context.get(context, Log)
  const state = (id: number) =>
    Effect.map(log.measured([id]), ([end]) => {
      if (isKafkaError(end!)) throw new Error(end._tag)
      return [end!.logStartOffset, end!.highWatermark, end!.sizeBytes] as const
    })
  const add = (id: number, timestamp: bigint) =>
    log.append([{ partitionId: id, batch: batchOf({ timestamp }), stampTime: false }])
  return {
    log,
    state,
    add,
    topics: Context.get(context, Topics),
    check: Context.get(context, Retention).check,
    reclaim: Context.get(context, Retention).reclaim,
    stop: Scope.close(scope, Exit.void)
  }
})

describe("retention", () => {
  it.effect("deletes what is older than its topic keeps it, in steps, and ends stay right after a restart", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const first = yield* start(store)
      const make = (name: string) => first.topics.create({ name, partitions: 1, configs: new Map() })
      const [id, kept] = [(yield* make("t")).partitionIds[0]!, (yield* make("kept")).partitionIds[0]!]
      // The fourth is old, but lies behind one that is not.
      for (const time of [0n, 10_000n, 20_000n, 90_000n, 5_000n, 95_000n]) yield* first.add(id, time)
      yield* first.add(kept, 0n)
      const size = BigInt(batchOf().byteLength)
      // The check that the clock brings about.
      yield* TestClock.setTime(150_000)
      assert.deepStrictEqual(yield* first.state(id), [3n, 6n, 3n * size])
      const deletes = store.commits.flat(2).filter((write) => write._tag === "DeleteBatches")
      assert.deepStrictEqual(
        deletes.map(({ below, limit }) => [below, limit]),
        [
          [3n, 2],
          [3n, 1]
        ]
      )
      const [read] = yield* first.log.read([{ partitionId: id, from: 2n, maxBytes: 1 }], {
        bound: "HighWatermark",
        maxBytes: 1,
        atLeastOne: true
      })
      assert.isTrue(isKafkaError(read!) && read._tag === "OffsetOutOfRange")
      yield* TestClock.setTime(1_000_000)
      yield* first.check
      assert.deepStrictEqual(yield* first.state(id), [6n, 6n, 0n])
      assert.deepStrictEqual(yield* first.state(kept), [0n, 1n, size])
      yield* first.stop
      const second = yield* start(store)
      assert.deepStrictEqual(yield* second.state(id), [6n, 6n, 0n])
      yield* second.add(id, 999_999n)
      yield* second.check
      assert.deepStrictEqual(yield* second.state(id), [6n, 7n, size])
      yield* second.stop
    })
  )

  it.effect("leaves alone what carries no time", () =>
    Effect.gen(function* () {
      const broker = yield* start(new FaultyStore())
      const [id] = (yield* broker.topics.create({ name: "t", partitions: 1, configs: new Map() })).partitionIds
      yield* broker.add(id!, -1n)
      yield* TestClock.setTime(1_000_000)
      yield* broker.check
      assert.strictEqual((yield* broker.state(id!))[0], 0n)
      yield* broker.stop
    })
  )

  it.effect("asks nothing of partitions in which nothing can have become old since the last check", () =>
    Effect.gen(function* () {
      const { store } = new FaultyStore()
      const asked = { loads: 0, sizes: 0, times: 0 }
      const none = { loads: 0, sizes: 0, times: 0 }
      const counted = Store.of({
        ...store,
        loadPartitions: (ids) => (asked.loads++, store.loadPartitions(ids)),
        sizes: (id, from, limit) => (asked.sizes++, store.sizes(id, from, limit)),
        findByTimestamp: (id, time) => (asked.times++, store.findByTimestamp(id, time))
      })
      const since = () => {
        const seen = { ...asked }
        Object.assign(asked, none)
        return seen
      }
      const layer = Layer.succeed(Store, counted)
      const first = yield* start({ layer })
      const { partitionIds } = yield* first.topics.create({ name: "t", partitions: 50, configs: new Map() })
      const [empty, deleted, old] = partitionIds
      for (const id of partitionIds.slice(1)) yield* first.add(id, 50_000n)
      yield* first.add(old!, 60_000n)
      yield* first.log.raiseLogStart(deleted!, 1n)
      yield* first.stop

      const broker = yield* start({ layer })
      yield* TestClock.setTime(100_000)
      since()
      yield* broker.check
      // One load of them all; the one with a risen log start is read, as batches may be left below it.
      assert.deepStrictEqual(since(), { loads: 1, sizes: 2, times: 48 })
      yield* broker.check
      assert.deepStrictEqual(since(), none)
      // As long as nothing is old.
      yield* TestClock.setTime(149_999)
      yield* broker.check
      assert.deepStrictEqual(since(), none)
      yield* TestClock.setTime(150_001)
      yield* broker.check
      assert.strictEqual(since().times, 48)
      assert.deepStrictEqual((yield* broker.state(old!)).slice(0, 2), [1n, 2n])
      assert.deepStrictEqual((yield* broker.state(partitionIds[9]!)).slice(0, 2), [1n, 1n])
      yield* broker.check
      assert.deepStrictEqual(since(), none)
      // What comes later is looked at.
      yield* broker.add(empty!, 1n)
      yield* broker.check
      assert.deepStrictEqual((yield* broker.state(empty!)).slice(0, 2), [1n, 1n])
      yield* broker.stop
    })
  )

  it.effect("of bytes: the oldest batches go as long as that many or more are left", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store)
      const made = yield* broker.topics.create({ name: "sized", partitions: 2, configs: new Map() })
      const [id, other] = made.partitionIds
      for (let i = 0n; i < 7n; i++) yield* broker.add(id!, i)
      yield* broker.add(other!, 0n)
      yield* broker.check
      const size = BigInt(BATCH)
      assert.deepStrictEqual(yield* broker.state(id!), [4n, 7n, 3n * size])
      assert.deepStrictEqual(yield* broker.state(other!), [0n, 1n, size])
      yield* broker.check
      assert.deepStrictEqual(yield* broker.state(id!), [4n, 7n, 3n * size])
      yield* broker.add(id!, 8n)
      yield* broker.check
      assert.deepStrictEqual(yield* broker.state(id!), [5n, 8n, 3n * size])
      yield* broker.stop
    })
  )

  it.effect("of bytes: what a client deletes meanwhile is not taken away a second time", () =>
    Effect.gen(function* () {
      const { store } = new FaultyStore()
      let meanwhile: Effect.Effect<unknown, unknown> = Effect.void
      const overtaken = Store.of({
        ...store,
        sizes: (id, from, limit) =>
          Effect.suspend(() => {
            // Of the look that decides, not of a step that deletes.
            const first = limit > 2 ? meanwhile : Effect.void
            if (limit > 2) meanwhile = Effect.void
            return Effect.andThen(Effect.orDie(first), store.sizes(id, from, limit))
          })
      })
      const broker = yield* start({ layer: Layer.succeed(Store, overtaken) })
      const made = yield* broker.topics.create({ name: "sized", partitions: 1, configs: new Map() })
      const id = made.partitionIds[0]!
      for (let i = 0n; i < 7n; i++) yield* broker.add(id, i)
      meanwhile = broker.log.raiseLogStart(id, 4n)
      yield* broker.check
      assert.deepStrictEqual(yield* broker.state(id), [4n, 7n, 3n * BigInt(BATCH)])
      yield* broker.stop
    })
  )

  it.effect("frees what was deleted by request without a check of all", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store)
      const made = yield* broker.topics.create({ name: "kept", partitions: 1, configs: new Map() })
      const id = made.partitionIds[0]!
      for (let i = 0n; i < 5n; i++) yield* broker.add(id, i)
      yield* broker.log.raiseLogStart(id, 3n)
      yield* broker.reclaim([id])
      yield* Effect.yieldNow.pipe(Effect.repeat({ times: 100 }))
      assert.deepStrictEqual(yield* broker.state(id), [3n, 5n, 2n * BigInt(BATCH)])
      yield* broker.stop
    })
  )
})
