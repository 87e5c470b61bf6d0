import { assert, describe, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { random } from "../../../../protocol/test/codec/Mutation.ts"
import { Active } from "../../../src/commit/Active.ts"
import { Committer } from "../../../src/commit/Committer.ts"
import { Configs } from "../../../src/topics/Configs.ts"
import { Compaction } from "../../../src/log/compaction/Compaction.ts"
import { CompactionOf, CompactionOptions } from "../../../src/log/compaction/CompactionOptions.ts"
import type { CompactionPolicy } from "../../../src/log/compaction/CompactionPlan.ts"
import { isKafkaError, Log } from "../../../src/log/Log.ts"
import type { MarkerRequest } from "../../../src/log/append/Markers.ts"
import { LogOptions } from "../../../src/log/LogOptions.ts"
import { OpenBatches, OpenBatchesOptions } from "../../../src/log/batches/OpenBatches.ts"
import { Offsets } from "../../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../../src/offsets/SqlClaims.ts"
import { OutcomeUnknown, StoreUnavailable } from "../../../src/port/StoreError.ts"
import { Topics } from "../../../src/topics/Topics.ts"
import { FaultyStore } from "../../FaultyStore.ts"

const LIMITS = { maxDecompressedBytes: 1 << 20 }
const utf8 = new TextEncoder()

const eager: CompactionPolicy = {
  minLagMs: 0,
  maxLagMs: 1e15,
  minDirtyRatio: 0,
  deleteRetentionMs: 1000,
  segmentMs: 1 << 30,
  segmentBytes: 0
}

interface Options {
  readonly policy?: Partial<CompactionPolicy>
  readonly maxKeyBytes?: number
  readonly stepBytes?: number
  readonly tailMaxBytes?: number
  readonly maxDecompressedBytes?: number
}

const layerOf = (
  store: FaultyStore,
  { maxDecompressedBytes, maxKeyBytes, policy, stepBytes, tailMaxBytes }: Options
) => {
  // One object until a config changes, as the broker has it.
  const compacted = { ...eager, ...policy }
  return Compaction.layer.pipe(
    Layer.provideMerge(Topics.layer),
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, OpenBatches.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(CompactionOf, (topic) => (topic === "t" ? compacted : undefined)),
        Layer.succeed(CompactionOptions, {
          enabled: true,
          backoffMs: 15_000,
          maxKeyBytes: maxKeyBytes ?? 1 << 20,
          stepBytes: stepBytes ?? 1 << 20
        }),
        Layer.succeed(OpenBatchesOptions, { maxDecompressedBytes: maxDecompressedBytes ?? 1 << 20 }),
        Layer.succeed(LogOptions, {
          tailMaxBytes: tailMaxBytes ?? 0,
          tailIsAll: false,
          readAheadBytes: 0,
          failoverLeap: 1_000_000,
          snapshotEvery: 1000,
          maxProducers: 100,
          producerIdExpirationMs: 1 << 30
        })
      )
    )
  )
}

/** Key and value of a record; null: a tombstone. */
type Pair = readonly [key: string, value: string | null]

const start = Effect.fnUntraced(function* (store: FaultyStore, options: Options = {}) {
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store, options)), scope)
  const log = Context.get(context, Log)
  const topics = Context.get(context, Topics)
  const topic = topics.byName("t") ?? (yield* topics.create({ name: "t", partitions: 1, configs: new Map() }))
  const partitionId = topic.partitionIds[0]!
  const append = (pairs: ReadonlyArray<Pair>, producer: Partial<RecordBatch.EncodeOptions> = {}, timestamp = 0n) =>
    log.append([
      {
        partitionId,
        stampTime: false,
        batch: RecordBatch.encodeBatch(
          pairs.map(([key, value]) => ({
            key: utf8.encode(key),
            value: value === null ? null : utf8.encode(value),
            timestamp
          })),
          producer
        )
      }
    ])
  const records = Effect.gen(function* () {
    const found: Array<string> = []
    let from = 0n
    while (true) {
      const [read] = yield* log.read([{ partitionId, from, maxBytes: 1 << 20 }], {
        bound: "HighWatermark",
        maxBytes: 1 << 20,
        atLeastOne: true
      })
      if (isKafkaError(read!)) return [read._tag]
      if (read!.batches.length === 0) return found
      for (const batch of read!.batches) {
        for (const record of RecordBatch.decodeRecords(batch, LIMITS) as ReadonlyArray<RecordBatch.DecodedRecord>) {
          const text = (bytes: Uint8Array | null) => (bytes === null ? "-" : Buffer.from(bytes).toString())
          found.push(`${record.offset} ${text(record.key)}=${text(record.value)}`)
        }
        from = RecordBatch.lastOffset(batch) + 1n
      }
    }
  })
  const end = Effect.map(log.measured([partitionId]), ([found]) => {
    if (isKafkaError(found!)) throw new Error(found._tag)
    return found!
  })
  const committer = Context.get(context, Committer)
  return {
    log,
    mark: (markers: ReadonlyArray<MarkerRequest>) => committer.submit(log.marking(markers)),
    partitionId,
    append,
    records,
    end,
    active: Context.get(context, Active),
    check: Context.get(context, Compaction).check,
    stop: Scope.close(scope, Exit.void)
  }
})

/** Times that others had their turn until `work` was done. */
const turnsWhile = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let turns = 0
    let next = setImmediate(function again() {
      turns++
      next = setImmediate(again)
    })
    yield* Effect.ensuring(
      work,
      Effect.sync(() => clearImmediate(next))
    )
    return turns
  })

describe("compaction", () => {
  it.effect("takes what was aborted, which supersedes nothing, leaves what is open, and a marker goes last", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const { check, end, log, mark, partitionId, records, stop } = yield* start(store)
      const send = (pairs: ReadonlyArray<Pair>, producerId: bigint, baseSequence: number) =>
        log.append([
          {
            partitionId,
            stampTime: false,
            mayBegin: () => undefined,
            batch: RecordBatch.encodeBatch(
              pairs.map(([key, value]) => ({ key: utf8.encode(key), value: utf8.encode(value!), timestamp: 0n })),
              { producerId, producerEpoch: 0, baseSequence, isTransactional: true }
            )
          }
        ])
      const marker = (producerId: bigint, committed: boolean) => ({
        partitionId,
        marker: { producerId, producerEpoch: 0, coordinatorEpoch: 1, committed, raisesEpoch: false }
      })
      yield* send([["a", "kept"]], 1n, 0)
      yield* mark([marker(1n, true)])
      yield* send([["a", "aborted"]], 2n, 0)
      yield* mark([marker(2n, false)])
      yield* send([["b", "old"]], 1n, 1)
      yield* mark([marker(1n, true)])
      yield* send([["b", "new"]], 1n, 2)
      yield* mark([marker(1n, true)])
      yield* send([["a", "open"]], 3n, 0)
      yield* send([["a", "open too"]], 3n, 1)
      yield* check
      const left = (yield* records).filter((text) => !text.includes("\0"))
      assert.deepStrictEqual(left, ["0 a=kept", "6 b=new", "8 a=open", "9 a=open too"])
      const offsets = Effect.map(
        log.read([{ partitionId, from: 0n, maxBytes: 1 << 20 }], {
          bound: "LastStableOffset",
          maxBytes: 1 << 20,
          atLeastOne: true
        }),
        ([read]) => (isKafkaError(read!) ? [] : read!.batches.map(RecordBatch.baseOffset))
      )
      // The markers of what is gone stay for delete.retention.ms, those of what is there for good.
      assert.deepStrictEqual(yield* offsets, [0n, 1n, 3n, 5n, 6n, 7n])
      const aborted = Effect.map(store.store.abortedTransactions(partitionId, 0n, 100n), (found) => found.length)
      assert.strictEqual(yield* aborted, 1)
      yield* TestClock.adjust("2 seconds")
      yield* check
      assert.deepStrictEqual(yield* offsets, [0n, 1n, 6n, 7n])
      assert.strictEqual(yield* aborted, 0)
      assert.strictEqual((yield* end).lastStableOffset, 8n)
      yield* stop
    })
  )

  it.effect("keeps the latest record of each key, offsets and ends, also after a restart", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const first = yield* start(store)
      yield* first.append([
        ["a", "1"],
        ["b", "1"]
      ])
      yield* first.append([["a", "2"]])
      yield* first.append([
        ["c", "1"],
        ["b", "2"],
        ["a", "3"]
      ])
      yield* first.append([["d", "1"]])
      const before = yield* first.end
      // The check that the clock brings about.
      yield* TestClock.adjust("15 seconds")
      const left = ["3 c=1", "4 b=2", "5 a=3", "6 d=1"]
      assert.deepStrictEqual(yield* first.records, left)
      const after = yield* first.end
      assert.deepStrictEqual([after.logStartOffset, after.highWatermark], [0n, before.highWatermark])
      assert.isBelow(Number(after.sizeBytes), Number(before.sizeBytes))
      // An offset that is gone is read past.
      const [read] = yield* first.log.read([{ partitionId: first.partitionId, from: 1n, maxBytes: 1 }], {
        bound: "HighWatermark",
        maxBytes: 1,
        atLeastOne: true
      })
      assert.strictEqual(isKafkaError(read!) ? -1n : RecordBatch.baseOffset(read!.batches[0]!), 3n)
      yield* first.stop
      const second = yield* start(store)
      assert.deepStrictEqual(yield* second.records, left)
      assert.strictEqual((yield* second.end).sizeBytes, after.sizeBytes)
      const commits = store.commits.length
      yield* second.check
      // Nothing new: nothing is written.
      assert.strictEqual(store.commits.length, commits)
      yield* second.append([["b", "3"]])
      yield* second.append([["e", "1"]])
      yield* second.check
      assert.deepStrictEqual(yield* second.records, ["3 c=1", "5 a=3", "6 d=1", "7 b=3", "8 e=1"])
      yield* second.stop
    })
  )

  it.effect("leaves other topics, and records that are too young, alone", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store, { policy: { minLagMs: 60_000 } })
      yield* broker.append([["a", "1"]], {}, 0n)
      yield* broker.append([["a", "2"]], {}, 0n)
      yield* broker.append([["x", "1"]], {}, 0n)
      yield* broker.check
      assert.strictEqual((yield* broker.records).length, 3)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* broker.records, ["1 a=2", "2 x=1"])
      yield* broker.stop
    })
  )

  it.effect("asks nothing of partitions that were not due, until they change or their time may have come", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const { sizes } = store.store
      let asked = 0
      Object.assign(store.store, { sizes: (...args: Parameters<typeof sizes>) => (asked++, sizes(...args)) })
      const since = () => {
        const seen = asked
        asked = 0
        return seen
      }
      const broker = yield* start(store, { policy: { minDirtyRatio: 0.5, minLagMs: 100_000 } })
      yield* broker.append([["a", "1"]], {}, 0n)
      yield* broker.append([["a", "2"]], {}, 0n)
      yield* broker.append([["x", "1"]], {}, 0n)
      yield* broker.check
      assert.isAbove(since(), 0)
      yield* broker.check
      assert.strictEqual(since(), 0)
      // A record more is looked at.
      yield* broker.append([["y", "1"]], {}, 0n)
      yield* broker.check
      assert.isAbove(since(), 0)
      // A tenth of min.compaction.lag.ms is how late it may be.
      yield* TestClock.setTime(9999)
      yield* broker.check
      assert.strictEqual(since(), 0)
      yield* TestClock.setTime(10_000)
      yield* broker.check
      assert.isAbove(since(), 0)
      assert.strictEqual((yield* broker.records).length, 4)
      yield* TestClock.setTime(110_000)
      yield* broker.check
      assert.deepStrictEqual(yield* broker.records, ["1 a=2", "2 x=1", "3 y=1"])
      since()
      yield* broker.check
      assert.strictEqual(since(), 0)
      yield* broker.stop
    })
  )

  it.effect("keeps a tombstone for delete.retention.ms, and then takes it away", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store, { policy: { deleteRetentionMs: 100_000 } })
      yield* broker.append([
        ["a", "1"],
        ["b", "1"]
      ])
      yield* broker.append([["a", null]])
      yield* broker.append([["z", "1"]])
      yield* TestClock.adjust("15 seconds")
      assert.deepStrictEqual(yield* broker.records, ["1 b=1", "2 a=-", "3 z=1"])
      // The horizon was set at 15 s.
      yield* TestClock.adjust("90 seconds")
      assert.deepStrictEqual(yield* broker.records, ["1 b=1", "2 a=-", "3 z=1"])
      yield* TestClock.adjust("15 seconds")
      assert.deepStrictEqual(yield* broker.records, ["1 b=1", "3 z=1"])
      yield* broker.stop
    })
  )

  it.effect("keeps a tombstone that is never due, as delete.retention.ms is the greatest there is", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store, { policy: { deleteRetentionMs: Number((1n << 63n) - 1n) } })
      for (const pair of [
        ["a", "1"],
        ["a", null],
        ["b", "1"]
      ] as const)
        yield* broker.append([pair])
      for (const day of [1, 2, 3]) {
        yield* TestClock.setTime(day * 86_400_000)
        yield* broker.check
      }
      assert.deepStrictEqual(yield* broker.records, ["1 a=-", "2 b=1"])
      yield* broker.stop
    })
  )

  it.effect("lets go a tombstone that became due while no broker ran", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const first = yield* start(store)
      yield* first.append([["a", null]])
      yield* first.append([["z", "1"]])
      yield* first.check
      assert.deepStrictEqual(yield* first.records, ["0 a=-", "1 z=1"])
      yield* first.stop
      yield* TestClock.adjust("2 seconds")
      const second = yield* start(store)
      yield* second.check
      assert.deepStrictEqual(yield* second.records, ["1 z=1"])
      yield* second.stop
    })
  )

  it.effect("goes on after a commit failed, and has lost nothing by it", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store, { stepBytes: 1 })
      for (let i = 0; i < 6; i++) yield* broker.append([[`k${i % 2}`, `${i}`]])
      // The snapshot of producers writes nothing here: the second step fails.
      store.faults.push(undefined, { stored: false, error: new StoreUnavailable({ message: "away" }) })
      yield* broker.check
      const middle = yield* broker.records
      assert.include(middle, "4 k0=4")
      assert.include(middle, "5 k1=5")
      assert.isAbove(middle.length, 2)
      yield* TestClock.adjust("15 seconds")
      yield* broker.check
      // The newest batch is not looked at, and supersedes nothing yet.
      assert.deepStrictEqual(yield* broker.records, ["3 k1=3", "4 k0=4", "5 k1=5"])
      yield* broker.stop
    })
  )

  it.effect("writes nothing of what it read before a take-over", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store)
      for (let i = 0; i < 4; i++) yield* broker.append([["a", `${i}`]])
      const { read } = store.store
      // The lock is lost and taken again while the pass reads.
      const once = (...args: Parameters<typeof read>) => {
        Object.assign(store.store, { read })
        return Effect.tap(read(...args), () => broker.active.failed(new OutcomeUnknown({ message: "cut" }), 1))
      }
      Object.assign(store.store, { read: once })
      const before = store.commits.length
      yield* broker.check
      const tags = store.commits.slice(before).flatMap((units) => units.flat().map(({ _tag }) => _tag))
      assert.notIncludeMembers(tags, ["ReplaceBatches"])
      assert.notIncludeMembers(tags, ["PutCompaction"])
      assert.strictEqual((yield* broker.records).length, 4)
      yield* broker.check
      assert.deepStrictEqual(yield* broker.records, ["2 a=2", "3 a=3"])
      yield* broker.stop
    })
  )

  it.effect("knows the producers of batches that are gone", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const first = yield* start(store)
      const producer = (baseSequence: number) => ({ producerId: 9n, producerEpoch: 1, baseSequence })
      yield* first.append([["a", "1"]], producer(0))
      yield* first.append([["a", "2"]], producer(1))
      yield* first.append([["a", "3"]])
      yield* first.append([["z", "1"]])
      yield* first.check
      assert.deepStrictEqual(yield* first.records, ["2 a=3", "3 z=1"])
      yield* first.stop
      const second = yield* start(store)
      const [again] = yield* second.append([["a", "2"]], producer(1))
      assert.strictEqual(isKafkaError(again!) ? again._tag : again!.baseOffset, 1n)
      const [gap] = yield* second.append([["a", "9"]], producer(7))
      assert.strictEqual(isKafkaError(gap!) && gap._tag, "OutOfOrderSequenceNumber")
      yield* second.stop
    })
  )

  it.effect("goes over the log in several passes if the keys do not fit", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store, { maxKeyBytes: 1 })
      for (let i = 0; i < 9; i++) yield* broker.append([[`k${i % 3}`, `${i}`]])
      yield* broker.append([["z", "1"]])
      yield* broker.check
      assert.deepStrictEqual(yield* broker.records, ["6 k0=6", "7 k1=7", "8 k2=8", "9 z=1"])
      yield* broker.stop
    })
  )

  it.effect("serves from memory what is stored", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store, { tailMaxBytes: 1 << 20 })
      yield* broker.append([
        ["a", "1"],
        ["b", "1"]
      ])
      yield* broker.append([["a", "2"]])
      yield* broker.append([["a", "3"]])
      yield* broker.check
      assert.deepStrictEqual(yield* broker.records, ["1 b=1", "2 a=2", "3 a=3"])
      yield* broker.append([["b", "2"]])
      yield* broker.check
      assert.deepStrictEqual(yield* broker.records, ["1 b=1", "3 a=3", "4 b=2"])
      yield* broker.stop
    })
  )

  it.effect("finds times in what is left", () =>
    Effect.gen(function* () {
      const store = new FaultyStore()
      const broker = yield* start(store)
      yield* broker.append([["a", "1"]], {}, 900n)
      yield* broker.append([["b", "1"]], {}, 100n)
      yield* broker.append([["a", "2"]], {}, 500n)
      yield* broker.append([["z", "1"]], {}, 300n)
      yield* broker.check
      const at = (timestamp: bigint) => broker.log.findByTimestamp(broker.partitionId, timestamp)
      assert.deepStrictEqual(yield* at(50n), { timestamp: 100n, offset: 1n })
      assert.deepStrictEqual(yield* at(400n), { timestamp: 500n, offset: 2n })
      assert.isUndefined(yield* at(900n))
      const latest = yield* broker.log.findMaxTimestamp(broker.partitionId)
      assert.deepStrictEqual(latest, { timestamp: 500n, offset: 2n })
      yield* broker.stop
    })
  )

  const Batch = Schema.NonEmptyArray(
    Schema.Tuple([Schema.Literals(["a", "b", "c", "d", "e"]), Schema.NullOr(Schema.Literals(["1", "2"]))])
  ).check(Schema.isMaxLength(5))
  const Steps = Schema.Array(Schema.Union([Batch, Schema.Literal("check"), Schema.Literal("restart")])).check(
    Schema.isMaxLength(25)
  )

  it.effect.prop(
    "leaves for each key what a reader of all would know, at its offset, in any order of things",
    [Steps, Schema.Literals([1, 150, 1 << 20]), Schema.Literals([1, 1 << 20])],
    ([steps, stepBytes, maxKeyBytes]) =>
      Effect.gen(function* () {
        const store = new FaultyStore()
        const options = { stepBytes, maxKeyBytes, policy: { deleteRetentionMs: 1e9 } }
        let broker = yield* start(store, options)
        const all: Array<readonly [string, string | null]> = []
        for (const step of steps) {
          if (step === "check") yield* broker.check
          else if (step === "restart") {
            yield* broker.stop
            broker = yield* start(store, options)
          } else {
            yield* broker.append(step)
            all.push(...step)
          }
        }
        yield* broker.check
        const found = yield* broker.records
        const offsets = found.map((line) => Number(line.split(" ")[0]))
        assert.deepStrictEqual(
          offsets,
          offsets.slice().sort((a, b) => a - b)
        )
        for (const line of found) {
          const [offset, pair] = line.split(" ") as [string, string]
          const [key, value] = all[Number(offset)]!
          assert.strictEqual(pair, `${key}=${value ?? "-"}`)
        }
        for (const key of new Set(all.map(([name]) => name))) {
          const last = all.findLastIndex(([name]) => name === key)
          assert.include(offsets, last)
        }
        assert.strictEqual((yield* broker.end).highWatermark, BigInt(all.length))
        yield* broker.stop
      })
  )

  for (const codec of [1, 2, 3, 4]) {
    it.effect(`lets others run while a batch is open that becomes forty times as much, codec ${codec}`, () =>
      Effect.gen(function* () {
        const limits = { maxDecompressedBytes: 64 << 20 }
        const broker = yield* start(new FaultyStore(), limits)
        const below = random(7)
        const large = "x".repeat(20_000_000) + Array.from({ length: 60_000 }, () => below(2 ** 31)).join()
        const pairs: ReadonlyArray<Pair> = [
          ["a", "1"],
          ["b", large]
        ]
        yield* broker.append(pairs, { compression: codec })
        yield* broker.append([["a", "2"]])
        yield* broker.append([["c", "1"]])
        assert.isAbove(yield* turnsWhile(broker.check), 20)
        const only = { bound: "HighWatermark" as const, maxBytes: 1, atLeastOne: true }
        const [read] = yield* broker.log.read([{ partitionId: broker.partitionId, from: 0n, maxBytes: 1 }], only)
        const batch = isKafkaError(read!) ? undefined : read!.batches[0]
        assert.strictEqual(RecordBatch.compressionCodec(batch!), codec)
        const left = RecordBatch.decodeRecords(batch!, limits) as ReadonlyArray<RecordBatch.DecodedRecord>
        assert.deepStrictEqual(
          left.map(({ offset, value }) => [offset, Buffer.compare(value!, utf8.encode(large))]),
          [[1n, 0]]
        )
        yield* broker.stop
      })
    )
  }
})
