import { assert, describe, it } from "@effect/vitest"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Active } from "../../src/Active.ts"
import { Committer } from "../../src/Committer.ts"
import { Configs } from "../../src/Configs.ts"
import { isKafkaError, Log } from "../../src/log/Log.ts"
import type { Appended, PartitionRead } from "../../src/log/Log.ts"
import { LogOptions } from "../../src/log/LogOptions.ts"
import { Offsets } from "../../src/Offsets.ts"
import { OutcomeUnknown, StoreUnavailable } from "../../src/StoreError.ts"
import { Topics } from "../../src/Topics.ts"
import { FaultyStore } from "../FaultyStore.ts"
import { batchOf } from "./batch.ts"

const layerOf = (store: FaultyStore, tailMaxBytes: number) =>
  Topics.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, Offsets.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(
      Layer.succeed(LogOptions, {
        tailMaxBytes,
        tailIsAll: false,
        readAheadBytes: 1 << 20,
        snapshotEvery: 1000,
        maxProducers: 100,
        producerIdExpirationMs: 86_400_000
      })
    )
  )

interface Broker {
  readonly log: Log["Service"]
  readonly active: Active["Service"]
  /** Partition ids of a topic, made where there is none. */
  readonly partitions: (count: number) => Effect.Effect<ReadonlyArray<number>, KafkaError>
}

/** A broker's storage over a store that may outlive it. */
const serving = <A, E>(
  store: FaultyStore,
  test: (broker: Broker) => Effect.Effect<A, E>,
  tailMaxBytes = 1 << 20
): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store, tailMaxBytes)), scope)
    const topics = Context.get(context, Topics)
    const partitions = Effect.fnUntraced(function* (count: number) {
      const topic = topics.byName("t") ?? (yield* topics.create({ name: "t", partitions: count, configs: new Map() }))
      return topic.partitionIds
    })
    const broker = { log: Context.get(context, Log), active: Context.get(context, Active), partitions }
    return yield* Effect.ensuring(test(broker), Scope.close(scope, Exit.void))
  })

const append = (log: Log["Service"], partitionId: number, ...batches: ReadonlyArray<Uint8Array>) =>
  log.append(batches.map((batch) => ({ partitionId, batch, stampTime: false })))

const offsets = (results: ReadonlyArray<Appended | KafkaError>) =>
  results.map((result) => (isKafkaError(result) ? result._tag : result.baseOffset))

const readAll = (log: Log["Service"], partitionId: number, from = 0n) =>
  Effect.map(log.read([{ partitionId, from, maxBytes: 1 << 20 }], { maxBytes: 1 << 20, atLeastOne: true }), ([read]) =>
    isKafkaError(read!) ? read._tag : read!.batches.map(RecordBatch.baseOffset)
  )

const numbered = (baseSequence: number) => batchOf({ producerId: 7n, producerEpoch: 0, baseSequence })

describe("the log", () => {
  it.effect("appends and reads, from memory and from the store alike", () =>
    serving(
      new FaultyStore(),
      ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a, b] = yield* partitions(2)
          assert.deepStrictEqual(offsets(yield* append(log, a!, batchOf({ records: 2 }), batchOf())), [0n, 2n])
          assert.deepStrictEqual(offsets(yield* append(log, b!, batchOf())), [0n])
          // Nothing fits into this tail: all of it is read from the store.
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 2n])
          assert.deepStrictEqual(yield* readAll(log, a!, 1n), [0n, 2n])
          assert.deepStrictEqual(yield* readAll(log, a!, 3n), [])
          assert.strictEqual(yield* readAll(log, a!, 4n), "OffsetOutOfRange")
          assert.strictEqual(yield* readAll(log, 999), "UnknownTopicOrPartition")
        }),
      0
    )
  )

  it.effect("gives at most the bytes asked for, over all partitions, but one batch at least", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a, b] = yield* partitions(2)
        const size = batchOf().byteLength
        for (const partitionId of [a!, b!]) yield* append(log, partitionId, batchOf(), batchOf())
        const request = [a!, b!].map((partitionId) => ({ partitionId, from: 0n, maxBytes: 1 << 20 }))
        const counts = (maxBytes: number, atLeastOne: boolean) =>
          Effect.map(log.read(request, { maxBytes, atLeastOne }), (reads) =>
            reads.map((read) => (read as PartitionRead).batches.length)
          )
        assert.deepStrictEqual(yield* counts(3 * size, true), [2, 1])
        assert.deepStrictEqual(yield* counts(1, true), [1, 0])
        assert.deepStrictEqual(yield* counts(1, false), [0, 0])
      })
    )
  )

  it.effect("wakes who waits for bytes, by the append", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, batchOf())
        const size = batchOf().byteLength
        const at = [{ partitionId: a!, highWatermark: 1n }]
        const waiting = yield* Effect.forkChild(log.awaitBytes(at, 2 * size), { startImmediately: true })
        yield* append(log, a!, batchOf())
        assert.isUndefined(waiting.pollUnsafe())
        yield* append(log, a!, batchOf())
        yield* Fiber.join(waiting)
        // What has moved already is not waited for.
        yield* log.awaitBytes(at, 1000)
      })
    )
  )

  it.effect("a partition that fails does not fail its neighbours", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, numbered(0))
        const results = yield* log.append([
          { partitionId: a!, batch: numbered(5), stampTime: false },
          { partitionId: 999, batch: batchOf(), stampTime: false },
          { partitionId: a!, batch: batchOf(), stampTime: false }
        ])
        assert.deepStrictEqual(offsets(results), ["OutOfOrderSequenceNumber", "UnknownTopicOrPartition", 1n])
      })
    )
  )

  it.effect("a failed commit leaves no gap and no sequence; the retry is stored once", () => {
    const store = new FaultyStore()
    return serving(store, ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, numbered(0))
        store.faults.push({ stored: false, error: new StoreUnavailable({ message: "full" }) })
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), ["KafkaStorageError"])
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [1n])
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [1n])
        assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n])
      })
    )
  })

  for (const stored of [true, false]) {
    it.effect(
      `an answer lost with the commit ${stored ? "stored" : "not stored"}: the retry ends with one copy`,
      () => {
        const store = new FaultyStore()
        return serving(store, ({ active, log, partitions }) =>
          Effect.gen(function* () {
            const [a] = yield* partitions(1)
            yield* append(log, a!, numbered(0))
            const epoch = active.epoch()
            store.faults.push({ stored, error: new OutcomeUnknown({ message: "cut" }) })
            assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), ["NotLeaderOrFollower"])
            while (active.epoch() === epoch) yield* Effect.yieldNow
            yield* active.whenServing
            assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [1n])
            assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n])
            assert.strictEqual(active.epoch(), epoch + 1)
          })
        )
      }
    )
  }

  it.effect("a new broker on the same data goes on: offsets, sequences, epochs", () => {
    const store = new FaultyStore()
    return Effect.gen(function* () {
      const first = yield* serving(store, ({ active, log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          yield* append(log, a!, numbered(0), numbered(1))
          return active.epoch()
        })
      )
      yield* serving(store, ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1), numbered(2))), [1n, 2n])
          assert.deepStrictEqual(yield* log.endOfEpoch(a!, first), { epoch: first, endOffset: 2n })
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n, 2n])
        })
      )
    })
  })

  it.effect("finds records by time, and the one with the greatest", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        assert.isUndefined(yield* log.findMaxTimestamp(a!))
        for (const timestamp of [100n, 300n, 200n, 400n]) yield* append(log, a!, batchOf({ timestamp, records: 2 }))
        const at = (timestamp: bigint) => Effect.map(log.findByTimestamp(a!, timestamp), (found) => found?.offset)
        assert.deepStrictEqual(
          [yield* at(0n), yield* at(101n), yield* at(150n), yield* at(302n), yield* at(999n)],
          [0n, 1n, 2n, 6n, undefined]
        )
        assert.strictEqual((yield* log.findMaxTimestamp(a!))!.offset, 7n)
        yield* log.raiseLogStart(a!, 3n)
        assert.strictEqual(yield* at(0n), 3n)
        assert.strictEqual(yield* readAll(log, a!, 2n), "OffsetOutOfRange")
      })
    )
  )

  it.effect("a read that is interrupted while it loads takes nobody with it", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    return serving(store, ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        store.holdLoad = gate.await
        const reader = yield* Effect.forkChild(readAll(log, a!), { startImmediately: true })
        const writer = yield* Effect.forkChild(append(log, a!, batchOf()), { startImmediately: true })
        yield* Effect.yieldNow
        yield* Fiber.interrupt(reader)
        yield* gate.open
        assert.deepStrictEqual(offsets(yield* Fiber.join(writer)), [0n])
      })
    )
  })

  it.effect("a store that dies once it has stored: the retry is known again", () => {
    const store = new FaultyStore()
    return serving(store, ({ active, log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, numbered(0))
        const epoch = active.epoch()
        store.after = Effect.die("a bug")
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), ["NotLeaderOrFollower"])
        store.after = Effect.void
        while (active.epoch() === epoch) yield* Effect.yieldNow
        yield* active.whenServing
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1), numbered(2))), [1n, 2n])
      })
    )
  })

  it.effect("nobody reads what is stored and not acknowledged yet", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    return serving(
      store,
      ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          yield* append(log, a!, batchOf())
          store.after = gate.await
          const writer = yield* Effect.forkChild(append(log, a!, batchOf()), { startImmediately: true })
          while (store.data.partitions.get(a!)!.endOffset < 2n) yield* Effect.yieldNow
          assert.deepStrictEqual(yield* readAll(log, a!), [0n])
          yield* gate.open
          yield* Fiber.join(writer)
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n])
        }),
      0
    )
  })

  it.effect("from the store, too, not even the first batch is larger than asked for, where that is asked", () =>
    serving(
      new FaultyStore(),
      ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          yield* append(log, a!, batchOf(), batchOf())
          const size = batchOf().byteLength
          const count = (maxBytes: number) =>
            Effect.map(
              log.read([{ partitionId: a!, from: 0n, maxBytes }], { maxBytes, atLeastOne: false }),
              ([read]) => (read as PartitionRead).batches.length
            )
          assert.deepStrictEqual([yield* count(size - 1), yield* count(size), yield* count(2 * size)], [0, 1, 2])
        }),
      0
    )
  )
})
