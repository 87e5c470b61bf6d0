import { assert, describe, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Active } from "../../../src/commit/Active.ts"
import { Committer } from "../../../src/commit/Committer.ts"
import { Configs } from "../../../src/topics/Configs.ts"
import { isKafkaError, Log } from "../../../src/log/Log.ts"
import { LogOptions } from "../../../src/log/LogOptions.ts"
import { Offsets } from "../../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../../src/offsets/SqlClaims.ts"
import { writing } from "../../../src/commit/Participant.ts"
import { Fenced } from "../../../src/port/StoreError.ts"
import { Topics } from "../../../src/topics/Topics.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"

const layerOf = (store: FaultyStore) =>
  Topics.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(
      Layer.succeed(LogOptions, {
        tailMaxBytes: 0,
        tailIsAll: false,
        readAheadBytes: 1 << 20,
        failoverLeap: 1_000_000,
        snapshotEvery: 1000,
        maxProducers: 100,
        producerIdExpirationMs: 86_400_000
      })
    )
  )

/** Ten batches of one record each at these times; `overtakes` deletes records below an offset while the store is read. */
const broker = Effect.fnUntraced(function* (times: ReadonlyArray<bigint>) {
  const store = new FaultyStore()
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store)), scope)
  const log = Context.get(context, Log)
  const committer = Context.get(context, Committer)
  const made = yield* Context.get(context, Topics).create({ name: "t", partitions: 1, configs: new Map() })
  const partitionId = made.partitionIds[0]!
  for (const timestamp of times) {
    yield* log.append([{ partitionId, batch: batchOf({ timestamp }), stampTime: false }])
  }
  const overtakes = (below: bigint) => {
    store.duringRead = log
      .raiseLogStart(partitionId, below)
      .pipe(
        Effect.andThen(committer.submit(writing([{ _tag: "DeleteBatches", partitionId, below, limit: 1000 }]))),
        Effect.orDie
      )
  }
  const read = (from: bigint) =>
    Effect.map(
      log.read([{ partitionId, from, maxBytes: 1 << 20 }], {
        bound: "HighWatermark",
        maxBytes: 1 << 20,
        atLeastOne: true
      }),
      ([got]) => (isKafkaError(got!) ? got._tag : got!.batches.map(RecordBatch.baseOffset))
    )
  return { active: Context.get(context, Active), log, partitionId, overtakes, read, store }
})

const TIMES = Array.from({ length: 6 }, (_, i) => BigInt(i))

describe("records are deleted while the store is read", () => {
  it.effect("a read from below the log start is out of range, and jumps over nothing", () =>
    Effect.gen(function* () {
      const { overtakes, read } = yield* broker(TIMES)
      overtakes(3n)
      assert.strictEqual(yield* read(0n), "OffsetOutOfRange")
      overtakes(4n)
      assert.deepStrictEqual(yield* read(4n), [4n, 5n])
    })
  )

  it.effect("what was read ahead from there is given to no reader", () =>
    Effect.gen(function* () {
      const { log, overtakes, partitionId } = yield* broker(TIMES)
      const one = (from: bigint) =>
        Effect.map(
          log.read([{ partitionId, from, maxBytes: 1 }], { bound: "HighWatermark", maxBytes: 1, atLeastOne: true }),
          ([got]) => (isKafkaError(got!) ? got._tag : got!.batches.map(RecordBatch.baseOffset))
        )
      assert.deepStrictEqual(yield* one(0n), [0n])
      assert.deepStrictEqual(yield* one(1n), [1n])
      overtakes(4n)
      // Behind the second read the third begins by itself, or it reads now: both find the fourth.
      yield* Effect.yieldNow.pipe(Effect.repeat({ times: 50 }))
      assert.strictEqual(yield* one(2n), "OffsetOutOfRange")
    })
  )

  it.effect("a record found by its time is not below the log start", () =>
    Effect.gen(function* () {
      const { log, overtakes, partitionId } = yield* broker(TIMES)
      overtakes(3n)
      assert.strictEqual((yield* log.findByTimestamp(partitionId, 1n))?.offset, 3n)
      overtakes(6n)
      assert.isUndefined(yield* log.findByTimestamp(partitionId, 1n))
    })
  )

  it.effect("nor is the one with the greatest time", () =>
    Effect.gen(function* () {
      const { log, overtakes, partitionId } = yield* broker([90n, 80n, 70n, 10n, 20n, 15n])
      overtakes(3n)
      assert.strictEqual((yield* log.findMaxTimestamp(partitionId))?.offset, 4n)
    })
  )

  it.effect("of a batch that lies across the log start, the records behind it count", () =>
    Effect.gen(function* () {
      const { log, partitionId } = yield* broker([])
      const times = [9n, 8n, 3n, 5n]
      const records = times.map((timestamp) => ({ timestamp, key: null, value: null, headers: [] }))
      yield* log.append([{ partitionId, batch: RecordBatch.encodeBatch(records), stampTime: false }])
      yield* log.raiseLogStart(partitionId, 2n)
      assert.strictEqual((yield* log.findMaxTimestamp(partitionId))?.offset, 3n)
    })
  )
})

describe("another broker writes while a read is looked at", () => {
  /** The last batch of the log once more, at the end: what a broker stored that had the lock meanwhile. */
  const appendElsewhere = (store: FaultyStore) => {
    const last = store.commits.flat(2).findLast((write) => write._tag === "Append")!
    const records = last.records.slice()
    const offset = last.lastOffset + 1n
    new DataView(records.buffer).setBigInt64(0, offset)
    return store.store.commit([[{ ...last, baseOffset: offset, lastOffset: offset, records }]])
  }

  it.effect("an offset that it stored is not out of range, though the next proof names this broker as the writer", () =>
    Effect.gen(function* () {
      const { active, read, store } = yield* broker(TIMES)
      const silent = Latch.makeUnsafe(false)
      Object.assign(store.store, { heartbeat: silent.await })
      // One is asked for already: the read's own is asked for in the next reign.
      yield* Effect.forkChild(Effect.ignore(active.proven), { startImmediately: true })
      const reading = yield* Effect.forkChild(read(7n), { startImmediately: true })
      yield* appendElsewhere(store)
      yield* active.failed(new Fenced({ message: "gone" }), active.reign()!)
      yield* silent.open
      assert.deepStrictEqual(yield* Fiber.join(reading), [])
    })
  )
})
