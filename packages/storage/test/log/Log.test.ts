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
import { Active } from "../../src/commit/Active.ts"
import { Committer } from "../../src/commit/Committer.ts"
import { Configs } from "../../src/topics/Configs.ts"
import { isKafkaError, Log } from "../../src/log/Log.ts"
import type { Appended, PartitionRead } from "../../src/log/Log.ts"
import { LogOptions } from "../../src/log/LogOptions.ts"
import { Offsets } from "../../src/offsets/Offsets.ts"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "../../src/port/StoreError.ts"
import { Topics } from "../../src/topics/Topics.ts"
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
        failoverLeap: 1_000_000,
        snapshotEvery: 1000,
        maxProducers: 100,
        producerIdExpirationMs: 86_400_000
      })
    )
  )

interface Broker {
  readonly log: Log["Service"]
  readonly active: Active["Service"]
  readonly topics: Topics["Service"]
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
    const broker = { log: Context.get(context, Log), active: Context.get(context, Active), partitions, topics }
    return yield* Effect.ensuring(test(broker), Scope.close(scope, Exit.void))
  })

const append = (log: Log["Service"], partitionId: number, ...batches: ReadonlyArray<Uint8Array>) =>
  log.append(batches.map((batch) => ({ partitionId, batch, stampTime: false })))

const offsets = (results: ReadonlyArray<Appended | KafkaError>) =>
  results.map((result) => (isKafkaError(result) ? result._tag : result.baseOffset))

const readAll = (log: Log["Service"], partitionId: number, from = 0n) =>
  Effect.map(
    log.read([{ partitionId, from, maxBytes: 1 << 20 }], {
      bound: "HighWatermark",
      maxBytes: 1 << 20,
      atLeastOne: true
    }),
    ([read]) => (isKafkaError(read!) ? read._tag : read!.batches.map(RecordBatch.baseOffset))
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
          Effect.map(log.read(request, { bound: "HighWatermark", maxBytes, atLeastOne }), (reads) =>
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
        const at = [{ partitionId: a!, bound: "HighWatermark" as const, readableEnd: 1n }]
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
            // Looked up under the lock: what is stored is acknowledged.
            assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), [stored ? 1n : "NotLeaderOrFollower"])
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

  it.effect(
    "after a failover that lost records, ends leap before anything is told of them, and epochs tell where",
    () => {
      const store = new FaultyStore()
      return serving(store, ({ active, log, partitions, topics }) =>
        Effect.gen(function* () {
          const [a, b, unread] = yield* partitions(3)
          for (let i = 0; i < 3; i++) yield* append(log, a!, numbered(i))
          yield* append(log, b!, numbered(0))
          const standby = store.data.copy()
          standby.timeline = "00000002"
          const before = active.epoch()
          yield* append(log, a!, numbered(3))
          yield* append(log, a!, numbered(4))
          // The standby takes over without the last two.
          store.becomes(standby)
          yield* active.failed(new Fenced({ message: "the server is gone" }), 1)
          assert.isAtLeast(active.epoch(), before + 1000)
          assert.strictEqual(active.failoverEpoch(), active.epoch())
          const ends = yield* log.ends([a!, b!])
          assert.deepStrictEqual(
            ends.map((end) => !isKafkaError(end) && end.highWatermark),
            [1_000_003n, 1_000_001n]
          )
          // Who has read to offset 5 in the old epoch learns that it ended at 3 (KIP-320), and is given nothing twice.
          assert.deepStrictEqual(yield* log.endOfEpoch(a!, before), { epoch: before, endOffset: 3n })
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n, 2n, 3n])
          assert.deepStrictEqual(yield* readAll(log, a!, 5n), [3n], "the batch without records that holds offset 5")
          // Its producer goes on, and is known still.
          assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(2))), [2n])
          assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(3))), [1_000_003n])
          // Once, also for another reign; and what was not loaded until then leaps too.
          yield* active.failed(new Fenced({ message: "gone" }), 2)
          const again = yield* log.ends([a!, unread!])
          assert.deepStrictEqual(
            again.map((end) => !isKafkaError(end) && end.highWatermark),
            [1_000_004n, 1_000_000n]
          )
          const [made] = (yield* topics.create({ name: "made since", partitions: 1, configs: new Map() })).partitionIds
          assert.deepStrictEqual(offsets(yield* append(log, made!, batchOf())), [0n])
        })
      )
    }
  )

  it.effect("an end is never below what this process told of, though nothing shows a failover", () => {
    const store = new FaultyStore()
    return serving(store, ({ active, log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        const earlier = store.data.copy()
        for (let i = 0; i < 3; i++) yield* append(log, a!, numbered(i))
        store.becomes(earlier)
        yield* active.failed(new Fenced({ message: "gone" }), 1)
        assert.deepStrictEqual(offsets(yield* append(log, a!, batchOf())), [3n])
      })
    )
  })

  it.effect("a store that dies once it has stored: the retry is known again", () => {
    const store = new FaultyStore()
    return serving(store, ({ active, log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, numbered(0))
        store.after = Effect.die("a bug")
        // Nobody knows, and nobody says that it is not stored.
        assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1))), ["RequestTimedOut"])
        store.after = Effect.void
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
              log.read([{ partitionId: a!, from: 0n, maxBytes }], {
                bound: "HighWatermark",
                maxBytes,
                atLeastOne: false
              }),
              ([read]) => (read as PartitionRead).batches.length
            )
          assert.deepStrictEqual([yield* count(size - 1), yield* count(size), yield* count(2 * size)], [0, 1, 2])
        }),
      0
    )
  )
})
