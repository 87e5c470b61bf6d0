import { assert, describe, it } from "@effect/vitest"
import type { KafkaError } from "@tusk/protocol/KafkaError"
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
import type { Appended } from "../../../src/log/Log.ts"
import { LogOptions } from "../../../src/log/LogOptions.ts"
import { Retention } from "../../../src/log/retention/Retention.ts"
import { RetentionOptions, RetentionPolicy } from "../../../src/log/retention/RetentionOptions.ts"
import { Offsets } from "../../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../../src/offsets/SqlClaims.ts"
import { Store } from "../../../src/port/Store.ts"
import { StoreUnavailable } from "../../../src/port/StoreError.ts"
import { Topics } from "../../../src/topics/Topics.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { TestDatabase } from "../../pg/TestDatabase.ts"
import { batchOf } from "../batch.ts"

const SNAPSHOT_EVERY = 10
const RETENTION_MS = 1000

interface Kept {
  readonly layer: Layer.Layer<Store, unknown>
}

const options = (tailMaxBytes: number, tailIsAll: boolean) => ({
  tailMaxBytes,
  tailIsAll,
  readAheadBytes: 0,
  failoverLeap: 1_000_000,
  snapshotEvery: SNAPSHOT_EVERY,
  maxProducers: 100,
  producerIdExpirationMs: 86_400_000
})

const layerOf = (store: Kept, log: ReturnType<typeof options>) =>
  Retention.layer.pipe(
    Layer.provideMerge(Topics.layer),
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provideMerge(store.layer),
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(LogOptions, log),
        Layer.succeed(RetentionOptions, {
          intervalMs: 1 << 30,
          checkIntervalMs: 1 << 30,
          batchesPerStep: 4,
          bytesPerStep: 1 << 20
        }),
        Layer.succeed(RetentionPolicy, () => ({ retentionMs: RETENTION_MS, retentionBytes: -1 }))
      )
    )
  )

const numbered = (baseSequence: number) => batchOf({ producerId: 7n, producerEpoch: 0, baseSequence, timestamp: 0n })
const outcome = (result: Appended | KafkaError | undefined) =>
  isKafkaError(result!) ? result._tag : result!.baseOffset

const start = Effect.fnUntraced(function* (store: Kept, log = options(0, false)) {
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store, log)), scope)
  const topics = Context.get(context, Topics)
  const topic = topics.byName("t") ?? (yield* topics.create({ name: "t", partitions: 1, configs: new Map() }))
  const partitionId = topic.partitionIds[0]!
  const service = Context.get(context, Log)
  return {
    partitionId,
    log: service,
    retention: Context.get(context, Retention),
    store: Context.get(context, Store),
    append: (batch: Uint8Array) =>
      Effect.map(service.append([{ partitionId, batch, stampTime: false }]), ([result]) => outcome(result)),
    stop: Scope.close(scope, Exit.void)
  }
})

type Broker = Effect.Success<ReturnType<typeof start>>

const deleteRecords = ({ log, partitionId, retention }: Broker) =>
  Effect.gen(function* () {
    const [end] = yield* log.ends([partitionId])
    if (isKafkaError(end!)) throw new Error(end._tag)
    yield* log.raiseLogStart(partitionId, end!.highWatermark)
    yield* retention.check
  })

const expire = ({ retention }: Broker) => Effect.andThen(TestClock.adjust(RETENTION_MS * 2), retention.check)

/** Nothing is left of the batches, and the producer goes on, and repeats, as if they were there. */
const goesOn = (store: Kept, count: number, removal: (broker: Broker) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const first = yield* start(store)
    for (let sequence = 0; sequence < count; sequence++) yield* first.append(numbered(sequence))
    yield* removal(first)
    assert.deepStrictEqual(yield* first.store.sizes(first.partitionId, 0n, 100), [])
    yield* first.stop
    const second = yield* start(store)
    const last = BigInt(count - 1)
    assert.strictEqual(yield* second.append(numbered(count - 1)), last)
    assert.strictEqual(yield* second.append(numbered(count + 3)), "OutOfOrderSequenceNumber")
    assert.strictEqual(yield* second.append(numbered(count)), last + 1n)
    yield* second.stop
  })

const database = new TestDatabase()
const postgres: Kept = { layer: Layer.effect(Store, database.open()) }

describe("what is known of producers outlasts their batches", () => {
  const counts = { "no snapshot yet": 3, "behind a snapshot": SNAPSHOT_EVERY + 5, "at a snapshot": SNAPSHOT_EVERY }
  for (const [what, count] of Object.entries(counts)) {
    it.effect(`DeleteRecords, ${what}`, () => goesOn(new FaultyStore(), count, deleteRecords))
    it.effect(`retention, ${what}`, () => goesOn(new FaultyStore(), count, expire))
    it.effect(`DeleteRecords in Postgres, ${what}`, () =>
      Effect.andThen(database.empty, goesOn(postgres, count, deleteRecords))
    )
  }

  it.effect("it is stored in the commit that deletes, once for all steps, and not if a snapshot tells it", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store)
      for (let sequence = 0; sequence < 8; sequence++) yield* broker.append(numbered(sequence))
      const from = store.commits.length
      yield* deleteRecords(broker)
      const tags = store.commits.slice(from).map((units) => units.flat().map(({ _tag }) => _tag))
      assert.deepStrictEqual(tags, [["PutLogStart"], ["PutProducerSnapshot", "DeleteBatches"], ["DeleteBatches"]])
      yield* broker.stop
    })
  )

  it.effect("a commit that stores nothing deletes nothing, and the next one saves it all the same", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store)
      for (let sequence = 0; sequence < 3; sequence++) yield* broker.append(numbered(sequence))
      store.faults.push(undefined, { stored: false, error: new StoreUnavailable({ message: "away" }) })
      yield* deleteRecords(broker)
      assert.strictEqual((yield* broker.store.sizes(broker.partitionId, 0n, 100)).length, 3)
      yield* broker.retention.check
      assert.strictEqual((yield* broker.store.sizes(broker.partitionId, 0n, 100)).length, 0)
      yield* broker.stop
      const second = yield* start(store)
      assert.strictEqual(yield* second.append(numbered(2)), 2n)
      yield* second.stop
    })
  )

  it.effect("what memory evicts", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const all = options(2 * batchOf().byteLength, true)
      const first = yield* start(store, all)
      yield* first.append(numbered(0))
      for (let other = 0; other < 4; other++) yield* first.append(batchOf())
      yield* first.stop
      const second = yield* start(store, all)
      assert.strictEqual((yield* second.store.sizes(second.partitionId, 0n, 100))[0]!.baseOffset, 3n)
      assert.strictEqual(yield* second.append(numbered(0)), 0n)
      yield* second.stop
    })
  )
})
