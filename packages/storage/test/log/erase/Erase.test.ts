import { assert, describe, it } from "@effect/vitest"
import { GZIP } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { Store } from "../../../src/port/Store.ts"
import { OutcomeUnknown, StoreUnavailable } from "../../../src/port/StoreError.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { recordOf, recordsOf, startErasing } from "./ErasingBroker.ts"
import type { ErasingOptions } from "./ErasingBroker.ts"
import { inMemory } from "../../../src/writes/MemoryPartition.ts"
import { MemoryErasures } from "./MemoryErasures.ts"

const start = Effect.fnUntraced(function* (
  faulty: FaultyStore,
  erasures: MemoryErasures,
  options: ErasingOptions = {}
) {
  const broker = yield* startErasing(
    Layer.succeed(Store, Store.of({ ...faulty.store, erasures: erasures.port })),
    options
  )
  const ask = (name: string, key: string) => {
    const { partitionIds, topicId } = broker.topics.byName(name)!
    return erasures.ask(topicId, partitionIds, key)
  }
  return { ...broker, ask }
})

/** A broker with a topic "t" of one partition. */
const withTopic = Effect.fnUntraced(function* (options: ErasingOptions = {}) {
  const faulty = new FaultyStore()
  const erasures = new MemoryErasures()
  const broker = yield* start(faulty, erasures, options)
  yield* broker.create("t")
  return { ...broker, faulty, erasures }
})

const transactional = (producerId: bigint, baseSequence = 0) => ({
  producerId,
  producerEpoch: 0,
  baseSequence,
  isTransactional: true
})

describe("erasing", () => {
  it.effect("leaves offsets, sequences and the other records as they are; an emptied batch stays", () =>
    Effect.gen(function* () {
      const { append, ask, batches, erase, erasures, records } = yield* withTopic()
      yield* append("t", ["a=1", "b=2", "a="], { producerId: 7n, producerEpoch: 0, baseSequence: 0 })
      yield* append("t", ["c=3", "d="], { compression: GZIP })
      yield* append("t", ["a=4"], { producerId: 7n, producerEpoch: 0, baseSequence: 3 })
      const before = yield* batches("t")
      ask("t", "a")
      yield* erase.check
      const after = yield* batches("t")
      assert.deepStrictEqual(erasures.done, [3])
      assert.deepStrictEqual(yield* records("t"), ["1 b=2", "3 c=3", "4 d="])
      const headOf = (batch: Uint8Array) => [
        RecordBatch.baseOffset(batch),
        RecordBatch.lastOffset(batch),
        RecordBatch.producerId(batch),
        RecordBatch.baseSequence(batch),
        RecordBatch.lastSequence(batch)
      ]
      assert.deepStrictEqual(after.map(headOf), before.map(headOf))
      assert.isTrue(after.every(RecordBatch.isCrcValid))
      assert.deepStrictEqual(after[1], before[1])
      assert.strictEqual(after[2]!.byteLength, RecordBatch.RECORD_BATCH_OVERHEAD)
    }).pipe(Effect.scoped)
  )

  it.effect("a tombstone that stays gets no time at which it may go", () =>
    Effect.gen(function* () {
      const { append, ask, batches, erase } = yield* withTopic()
      yield* append("t", ["a=1", "b="])
      ask("t", "a")
      yield* erase.check
      const [batch] = yield* batches("t")
      assert.isUndefined(RecordBatch.deleteHorizonOf(batch!))
    }).pipe(Effect.scoped)
  )

  it.effect("takes many keys in one walk, and counts each", () =>
    Effect.gen(function* () {
      const { append, ask, erase, erasures, records } = yield* withTopic()
      yield* append("t", ["a=1", "b=2", "c=3", "a=4"])
      yield* append("t", ["b=5", "d=6"])
      for (const key of ["a", "b", "none", "a"]) ask("t", key)
      yield* erase.check
      assert.deepStrictEqual(erasures.done, [2, 2, 0, 2])
      assert.strictEqual(erasures.steps.length, 1)
      assert.deepStrictEqual(yield* records("t"), ["2 c=3", "5 d=6"])
    }).pipe(Effect.scoped)
  )

  it.effect("leaves what comes later, in each partition", () =>
    Effect.gen(function* () {
      const { append, ask, erase, erasures, records } = yield* withTopic()
      yield* append("t", ["a=1"])
      ask("t", "a")
      erasures.beforeAdvance = Effect.asVoid(append("t", ["a=2"]))
      yield* erase.check
      assert.deepStrictEqual(yield* records("t"), ["1 a=2"])
    }).pipe(Effect.scoped)
  )

  it.effect("waits for transactions that are open, and takes what they committed or aborted; markers stay", () =>
    Effect.gen(function* () {
      const { append, ask, endTransaction, erase, erasures, records } = yield* withTopic()
      // The key of a marker is a version and a type.
      const marker = "\0\0\0\x01"
      yield* append("t", ["a=0"])
      yield* append("t", ["a=1", "b=1"], transactional(7n))
      yield* append("t", ["a=2", "b=2"], transactional(8n))
      yield* append("t", ["a=3"])
      ask("t", "a")
      ask("t", marker)
      assert.isTrue(yield* erase.check)
      assert.deepStrictEqual(erasures.waitsFor, ["t-0: a transaction is open from offset 1 on"])
      assert.deepStrictEqual(yield* records("t"), ["1 a=1", "2 b=1", "3 a=2", "4 b=2", "5 a=3"])
      yield* endTransaction("t", 7n, true)
      assert.isTrue(yield* erase.check)
      yield* endTransaction("t", 8n, false)
      yield* append("t", ["a=later"])
      assert.isFalse(yield* erase.check)
      assert.deepStrictEqual(erasures.done, [4, 0])
      const found = yield* records("t")
      assert.deepStrictEqual(
        found.filter((record) => /=\w+$/.test(record)),
        ["2 b=1", "4 b=2", "8 a=later"]
      )
      assert.strictEqual(found.length, 5)
    }).pipe(Effect.scoped)
  )

  it.effect("takes what DeleteRecords has left below the log start, too", () =>
    Effect.gen(function* () {
      const { append, ask, erase, faulty, log, partitionIdOf } = yield* withTopic()
      yield* append("t", ["a=1", "a=2", "b=3"])
      yield* log.raiseLogStart(partitionIdOf("t"), 2n)
      ask("t", "a")
      yield* erase.check
      const stored = faulty.data.partitions.get(partitionIdOf("t"))!.batches
      assert.deepStrictEqual(
        stored.flatMap((batch) => recordsOf(inMemory(batch).records)),
        ["2 b=3"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("a producer's next batch is known as such, and the last one as a repetition, also by the next broker", () =>
    Effect.gen(function* () {
      const faulty = new FaultyStore()
      const erasures = new MemoryErasures()
      const first = yield* start(faulty, erasures)
      yield* first.create("t")
      const batch = (baseSequence: number) => ({ producerId: 7n, producerEpoch: 0, baseSequence })
      yield* first.append("t", ["a=1"], batch(0))
      yield* first.append("t", ["a=2"], batch(1))
      first.ask("t", "a")
      yield* first.erase.check
      yield* first.stop
      const next = yield* start(faulty, erasures)
      const [repeated] = yield* next.append("t", ["a=2"], batch(1))
      assert.deepInclude(repeated, { baseOffset: 1n })
      const [fresh] = yield* next.append("t", ["c=3"], batch(2))
      assert.deepInclude(fresh, { baseOffset: 2n })
      assert.deepStrictEqual(yield* next.records("t"), ["2 c=3"])
    }).pipe(Effect.scoped)
  )

  it.effect("goes on where another broker was, and repeats a step that it has not noted", () =>
    Effect.gen(function* () {
      const faulty = new FaultyStore()
      const erasures = new MemoryErasures()
      const options = { erase: { stepBytes: 1 } }
      const first = yield* start(faulty, erasures, options)
      yield* first.create("t")
      for (const key of ["a", "b", "a", "b", "a"]) yield* first.append("t", [`${key}=1`])
      first.ask("t", "a")
      const stands = yield* Deferred.make<void>()
      erasures.beforeAdvance = Effect.suspend(() =>
        erasures.steps.length < 2 ? Effect.void : Effect.andThen(Deferred.succeed(stands, undefined), Effect.never)
      )
      const checking = yield* Effect.forkChild(first.erase.check)
      yield* Deferred.await(stands)
      yield* Fiber.interrupt(checking)
      yield* first.stop
      erasures.beforeAdvance = Effect.void
      const next = yield* start(faulty, erasures, options)
      yield* next.erase.check
      assert.deepStrictEqual(
        erasures.steps.map(({ from }) => from),
        [0n, 1n, 2n, 3n, 4n]
      )
      assert.deepStrictEqual(yield* next.records("t"), ["1 b=1", "3 b=1"])
    }).pipe(Effect.scoped)
  )

  it.effect("writes nothing of what it read in another reign", () =>
    Effect.gen(function* () {
      const { active, append, ask, erase, erasures, faulty, records } = yield* withTopic()
      yield* append("t", ["a=1", "b=2"])
      ask("t", "a")
      const reign = active.reign()
      // While its batches are read, the outcome of a commit is not known: the lock is taken anew.
      faulty.duringRead = Effect.suspend(() => {
        faulty.faults.push({ stored: false, error: new OutcomeUnknown({ message: "gone" }) })
        return Effect.asVoid(append("t", ["c=3"]))
      })
      yield* erase.check
      assert.notStrictEqual(active.reign(), reign)
      const replaced = () => faulty.commits.flat(2).filter(({ _tag }) => _tag === "ReplaceBatches").length
      assert.strictEqual(replaced(), 0)
      assert.deepStrictEqual(erasures.done, [undefined])
      yield* erase.check
      assert.strictEqual(replaced(), 1)
      assert.deepStrictEqual(erasures.done, [1])
      assert.deepStrictEqual(yield* records("t"), ["1 b=2"])
    }).pipe(Effect.scoped)
  )

  it.effect("takes turns with compaction, which would put back what it has read before", () =>
    Effect.gen(function* () {
      const { append, ask, compact, create, erase, erasures, faulty, records } = yield* withTopic()
      yield* create("compacted")
      yield* append("compacted", ["a=secret", "b=1", "b=2"])
      yield* append("compacted", ["b=3"])
      yield* append("compacted", ["end=1"])
      ask("compacted", "a")
      const read = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      // The keys are collected in one read; the second one is of what is to be rewritten.
      faulty.duringRead = Effect.sync(() => {
        faulty.afterRead = Effect.andThen(Deferred.succeed(read, undefined), Deferred.await(goOn))
      })
      const compacting = yield* Effect.forkChild(compact)
      yield* Deferred.await(read)
      const erasing = yield* Effect.forkChild(erase.check)
      // Without a turn it would be done by now.
      yield* Effect.repeat(Effect.yieldNow, { times: 200 })
      assert.deepStrictEqual(erasures.done, [undefined])
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(compacting)
      yield* Fiber.join(erasing)
      assert.deepStrictEqual(erasures.done, [1])
      assert.deepStrictEqual(yield* records("compacted"), ["3 b=3", "4 end=1"])
    }).pipe(Effect.scoped)
  )

  it.effect("what it leaves of an emptied batch compaction takes", () =>
    Effect.gen(function* () {
      const { append, ask, batches, compact, create, erase } = yield* withTopic()
      yield* create("compacted")
      for (const record of ["a=1", "b=1", "c=1"]) yield* append("compacted", [record])
      ask("compacted", "a")
      yield* erase.check
      assert.deepStrictEqual((yield* batches("compacted")).map(RecordBatch.baseOffset), [0n, 1n, 2n])
      yield* compact
      assert.deepStrictEqual((yield* batches("compacted")).map(RecordBatch.baseOffset), [1n, 2n])
    }).pipe(Effect.scoped)
  )

  it.effect("nothing of it is left in the tail, nor in what was read ahead, nor in what is being read ahead", () =>
    Effect.gen(function* () {
      const { append, ask, batches, erase, erasures, faulty, records } = yield* withTopic({ readAheadBytes: 1 << 20 })
      for (let i = 0; i < 40; i++) yield* append("t", ["a=secret", `b=${"x".repeat(150)}`])
      // A consumer that goes on: what follows is read ahead for it.
      yield* batches("t", 0n, true)
      yield* batches("t", 2n, true)
      const goOn = yield* Deferred.make<void>()
      const reading = yield* Deferred.make<void>()
      faulty.afterRead = Effect.andThen(Deferred.succeed(reading, undefined), Deferred.await(goOn))
      const consuming = yield* Effect.forkChild(batches("t", 4n, true))
      yield* Deferred.await(reading)
      ask("t", "a")
      yield* erase.check
      assert.deepStrictEqual(erasures.done, [40])
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(consuming)
      for (let from = 0n; from < 80n; from++) {
        assert.notInclude((yield* batches("t", from, true)).flatMap(recordsOf).join(), "secret")
      }
      assert.strictEqual((yield* records("t")).length, 40)
    }).pipe(Effect.scoped)
  )

  it.effect("the tail follows with the commit", () =>
    Effect.gen(function* () {
      const { append, ask, erase, records } = yield* withTopic({ tailMaxBytes: 1 << 20 })
      yield* append("t", ["a=secret", "b=1"])
      ask("t", "a")
      yield* erase.check
      assert.deepStrictEqual(yield* records("t"), ["1 b=1"])
    }).pipe(Effect.scoped)
  )

  it.effect("waits at a batch that cannot be opened, and says so", () =>
    Effect.gen(function* () {
      const { append, ask, erase, erasures } = yield* withTopic({ maxDecompressedBytes: 1000 })
      yield* append("t", ["a=1"])
      yield* append("t", [`a=${"x".repeat(50_000)}`], { compression: GZIP })
      ask("t", "a")
      assert.isTrue(yield* erase.check)
      assert.match(erasures.waitsFor[0]!, /^t-0: the batch at offset 1 cannot be opened: /)
      assert.deepStrictEqual(erasures.done, [undefined])
    }).pipe(Effect.scoped)
  )

  it.effect("of a topic that is deleted all has to be gone", () =>
    Effect.gen(function* () {
      const { append, ask, create, erase, erasures, faulty, partitionIdOf, topics } = yield* withTopic()
      yield* create("other")
      yield* append("t", ["a=1"])
      yield* append("other", ["a=1"])
      const id = partitionIdOf("t")
      const { topicId } = topics.byName("t")!
      ask("t", "a")
      yield* topics.remove(topicId)
      assert.isTrue(yield* erase.check)
      assert.deepStrictEqual(erasures.done, [undefined])
      yield* TestClock.adjust("1 second")
      assert.isUndefined(faulty.data.partitions.get(id))
      assert.isFalse(yield* erase.check)
      assert.deepStrictEqual(erasures.done, [0])
    }).pipe(Effect.scoped)
  )

  it.effect("waits for what SQL sent, for a while, and then takes it away", () =>
    Effect.gen(function* () {
      const { append, ask, erase, erasures, records } = yield* withTopic()
      yield* append("t", ["a=1"])
      ask("t", "a")
      erasures.isAwaited = true
      assert.isTrue(yield* erase.check)
      assert.strictEqual(erasures.discarded, 0)
      yield* TestClock.adjust("6 seconds")
      yield* erase.check
      assert.strictEqual(erasures.discarded, 1)
      yield* erase.check
      assert.deepStrictEqual(erasures.done, [1])
      assert.deepStrictEqual(yield* records("t"), [])
    }).pipe(Effect.scoped)
  )

  it.effect("keeps to its rate", () =>
    Effect.gen(function* () {
      const { append, ask, erase, erasures } = yield* withTopic({ erase: { stepBytes: 1, bytesPerSecond: 100 } })
      const size = RecordBatch.encodeBatch([recordOf("a=1")]).byteLength
      for (let i = 0; i < 10; i++) yield* append("t", ["a=1"])
      ask("t", "a")
      const checking = yield* Effect.forkChild(erase.check)
      yield* TestClock.adjust(size * 50)
      assert.isAtLeast(erasures.steps.length, 5)
      assert.isAtMost(erasures.steps.length, 7)
      yield* TestClock.adjust(size * 50)
      yield* Fiber.join(checking)
      assert.deepStrictEqual(erasures.done, [10])
    }).pipe(Effect.scoped)
  )

  it.effect("a topic that waits holds up no other", () =>
    Effect.gen(function* () {
      const { append, ask, create, erase, erasures } = yield* withTopic()
      yield* create("other")
      yield* append("t", ["a=1"], transactional(7n))
      yield* append("other", ["a=1"])
      ask("t", "a")
      ask("other", "a")
      assert.isTrue(yield* erase.check)
      assert.deepStrictEqual(erasures.done, [undefined, 1])
    }).pipe(Effect.scoped)
  )

  it.effect("no log line has the key", () => {
    const lines: Array<string> = []
    const noting = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    return Effect.gen(function* () {
      const { append, ask, erase, erasures, faulty } = yield* withTopic()
      yield* append("t", ["personal=1"])
      ask("t", "personal")
      faulty.faults.push({ stored: false, error: new StoreUnavailable({ message: "away" }) })
      yield* erase.check
      yield* erase.check
      assert.deepStrictEqual(erasures.done, [1])
      assert.isNotEmpty(lines)
      assert.notInclude(lines.join(), "personal")
    }).pipe(Effect.scoped, Effect.provide(noting))
  })
})
