import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { mergeDefaults } from "../../../src/defaults.ts"
import { Store } from "../../../src/port/Store.ts"
import { OutcomeUnknown, StoreUnavailable } from "../../../src/port/StoreError.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { startErasing } from "../erase/ErasingBroker.ts"
import { MemoryErasures } from "../erase/MemoryErasures.ts"
import { ObjectsInTest } from "../objects/ObjectsInTest.ts"

const KIB = 1024

/** Topics "t" of two partitions and "other" of one, whose batches lie in small objects. */
const started = Effect.fnUntraced(function* (merge: Partial<typeof mergeDefaults> = {}, perObject = 2, grows = false) {
  const faulty = new FaultyStore()
  const erasures = new MemoryErasures()
  const objects = new ObjectsInTest()
  objects.grows = grows
  /** Bytes that are read at a time, and whether the next read fails. */
  const reads = { bytes: new Array<number>(), fails: false }
  const { merges } = faulty.store
  const bytesOf: typeof merges.bytesOf = (batches) => {
    reads.bytes.push(batches.reduce((sum, { bytes }) => sum + bytes, 0))
    if (!reads.fails) return merges.bytesOf(batches)
    reads.fails = false
    return Effect.fail(new StoreUnavailable({ message: "away" }))
  }
  const port = Store.of({ ...faulty.store, erasures: erasures.port, merges: { ...merges, bytesOf } })
  const store = Layer.succeed(Store, port)
  const broker = yield* startErasing(store, { objects, merge: { leastAgeMs: 1000, ...merge } })
  yield* broker.create("t", 2)
  yield* broker.create("other")
  yield* broker.create("compacted")
  const ids = [broker.partitionIdOf("t"), broker.partitionIdOf("t", 1), broker.partitionIdOf("other")]
  const takeOut = objects.takeOut(broker.store, [...ids, broker.partitionIdOf("compacted")], perObject)
  const all = () => faulty.data.objects.all
  const used = () => all().filter(({ objectId }) => faulty.data.objects.batches(objectId) > 0)
  return { ...broker, faulty, erasures, objects, ids, reads, takeOut, used, all }
})

type World = Effect.Success<ReturnType<typeof started>>

/** Records for every partition, a batch each. */
const fill = Effect.fnUntraced(function* ({ append }: World, rounds: number) {
  for (let i = 0; i < rounds; i++) {
    yield* append("t", [`k${i}=t${i}`, `secret=hidden${i}`])
    yield* append("other", [`k${i}=o${i}`])
  }
})

const old = TestClock.adjust("2 seconds")

describe("objects that are merged", () => {
  it.effect("give the same bytes to readers, from one object in order of partition and offset", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { batches, ids, merge, objects, store, takeOut, used } = world
      yield* fill(world, 10)
      const before = [yield* batches("t"), yield* batches("other")]
      yield* takeOut
      assert.strictEqual(used().length, 10)
      yield* merge
      assert.strictEqual(used().length, 10, "too young")
      yield* old
      yield* merge
      assert.deepStrictEqual([yield* batches("t"), yield* batches("other")], before)
      const [object] = used()
      const places = yield* store.merges.batchesIn([object!.objectId], 100)
      assert.deepStrictEqual(
        places.map(({ partitionId, position }) => [partitionId, position]),
        places
          .toSorted((a, b) => a.partitionId - b.partitionId || Number(a.baseOffset - b.baseOffset))
          .map(({ partitionId }, i) => [partitionId, places.slice(0, i).reduce((sum, { bytes }) => sum + bytes, 0)])
      )
      assert.deepStrictEqual(new Set(places.map(({ partitionId }) => partitionId)), new Set([ids[0], ids[2]]))
      assert.strictEqual(used().length, 1)
      const { puts } = objects
      yield* merge
      assert.strictEqual(objects.puts, puts, "for ever")
    }).pipe(Effect.scoped)
  )

  it.effect("tell so in bounded commits, and are merged for good once they are large", () =>
    Effect.gen(function* () {
      const world = yield* started({ batchesPerCommit: 3, bytes: 2 * KIB })
      const { faulty, merge, objects, takeOut, used } = world
      yield* fill(world, 20)
      yield* takeOut
      yield* old
      faulty.commits.length = 0
      yield* merge
      const moved = faulty.commits
        .flat()
        .map((unit) => unit.reduce((sum, write) => sum + (write._tag === "MoveBatches" ? write.batches.length : 0), 0))
      assert.isAbove(
        moved.reduce((sum, count) => sum + count, 0),
        20
      )
      assert.isAtMost(Math.max(...moved), 3)
      const forGood = used().filter(({ merged }) => merged)
      assert.isAbove(forGood.length, 0)
      for (const { bytes } of forGood) assert.isTrue(bytes >= 2 * KIB && bytes < 3 * KIB, `${bytes}`)
      assert.isBelow(used().length - forGood.length, 8)
      const { puts } = objects
      yield* merge
      assert.strictEqual(objects.puts, puts)
    }).pipe(Effect.scoped)
  )

  it.effect("that have grown are put in order, into several if need be, but for the one that grows yet", () =>
    Effect.gen(function* () {
      const world = yield* started({ bytes: 2 * KIB }, 40, true)
      const { all, batches, merge, objects, takeOut, used } = world
      yield* fill(world, 40)
      const before = [yield* batches("t"), yield* batches("other")]
      yield* takeOut
      yield* old
      objects.growing = all().at(-1)!.objectId
      assert.isTrue(used().length === 2 && used().every(({ bytes }) => bytes > 2 * KIB))
      yield* merge
      const grown = used().find(({ objectId }) => objectId === objects.growing)
      assert.isFalse(grown?.merged)
      const merged = used().filter((object) => object !== grown)
      assert.isAbove(merged.length, 1)
      for (const { bytes, merged: isMerged } of merged)
        assert.isTrue(isMerged && bytes > KIB && bytes < 4 * KIB, `${bytes}`)
      objects.growing = undefined
      yield* merge
      assert.isTrue(used().every(({ merged }) => merged))
      assert.deepStrictEqual([yield* batches("t"), yield* batches("other")], before)
    }).pipe(Effect.scoped)
  )

  it.effect("of which more is gone than there is are emptied, so that they go", () =>
    Effect.gen(function* () {
      const world = yield* started({ bytes: 3 * KIB })
      const { log, merge, partitionIdOf, records, retain, store, takeOut } = world
      yield* fill(world, 20)
      yield* takeOut
      yield* old
      yield* merge
      const sparse = Effect.gen(function* () {
        const found = yield* store.merges.uses(0n, { before: 100n, below: 3 * KIB }, 100)
        return found.filter(({ bytes, usedBytes }) => 2 * usedBytes < bytes).length
      })
      yield* log.raiseLogStart(partitionIdOf("t"), 38n)
      yield* log.raiseLogStart(partitionIdOf("other"), 17n)
      yield* retain
      assert.isAbove(yield* sparse, 0)
      yield* merge
      assert.strictEqual(yield* sparse, 0)
      assert.strictEqual((yield* records("t", 38n)).length, 2)
      assert.strictEqual((yield* records("other", 17n)).length, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("are read once a look, also if nothing comes of it", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { faulty, merge, objects, takeOut, used } = world
      yield* fill(world, 10)
      yield* takeOut
      yield* old
      const { puts } = objects
      // As if each batch lay elsewhere by then.
      faulty.passOver = (write) => write._tag === "MoveBatches"
      yield* merge
      assert.strictEqual(used().length, 10)
      assert.strictEqual(objects.puts, puts + 1)
    }).pipe(Effect.scoped)
  )

  it.effect("of a topic that goes meanwhile do not come back", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { merge, objects, records, takeOut, topics, used } = world
      yield* fill(world, 10)
      yield* takeOut
      yield* old
      const { topicId } = topics.byName("t")!
      objects.beforePut = Effect.asVoid(Effect.orDie(topics.remove(topicId)))
      yield* merge
      yield* world.retain
      assert.strictEqual((yield* records("other")).length, 10)
      assert.strictEqual(used().length, 1)
    }).pipe(Effect.scoped)
  )
})

describe("a merge beside others", () => {
  it.effect("has compaction and erasing wait, and nothing that went comes back", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { erase, erasures, merge, objects, records, takeOut, topics, used } = world
      yield* fill(world, 10)
      yield* takeOut
      yield* old
      const { partitionIds, topicId } = topics.byName("t")!
      erasures.ask(topicId, partitionIds, "secret")
      const isErased = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      objects.beforePut = Deferred.succeed(begun, undefined)
      const merging = yield* Effect.forkChild(merge)
      yield* Deferred.await(begun)
      const erasing = yield* Effect.forkChild(Effect.andThen(erase.check, Deferred.succeed(isErased, undefined)))
      yield* Fiber.join(merging)
      yield* Fiber.join(erasing)
      assert.strictEqual((yield* records("t")).length, 10)
      yield* merge
      for (const name of objects.holding("secret"))
        assert.isFalse(
          used().some((object) => object.name === name),
          name
        )
    }).pipe(Effect.scoped)
  )

  it.effect("moves what lies beside erased records soon, so that nothing points to where they lie", () =>
    Effect.gen(function* () {
      const world = yield* started({}, 2, true)
      const { erase, erasures, faulty, merge, objects, records, takeOut, topics, used } = world
      yield* fill(world, 4)
      yield* takeOut
      // Also what lies in the one that grows yet.
      objects.growing = used().at(-1)!.objectId
      // Few and young: nothing else would move them.
      yield* merge
      const puts = objects.puts
      const { partitionIds, topicId } = topics.byName("t")!
      erasures.ask(topicId, partitionIds, "secret")
      yield* erase.check
      assert.strictEqual(objects.puts, puts, "a topic of rows")
      assert.strictEqual(used().length, 4)
      yield* merge
      assert.strictEqual(objects.puts, puts + 1)
      assert.strictEqual(used().length, 1)
      assert.deepStrictEqual(objects.holding("secret").length, 4)
      for (const { erased, objectId, unusedSince } of faulty.data.objects.all) {
        assert.isFalse(erased, `${objectId} ${unusedSince}`)
      }
      assert.strictEqual((yield* records("t")).length, 4)
      assert.strictEqual((yield* records("other")).length, 4)
    }).pipe(Effect.scoped)
  )
})

describe("a merge that fails", () => {
  it.effect("is done again, and leaves everything readable", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { merge, objects, records, takeOut, used } = world
      yield* fill(world, 10)
      yield* takeOut
      yield* old
      objects.isFull = true
      yield* merge
      assert.strictEqual(used().length, 10)
      objects.isFull = false
      yield* merge
      assert.strictEqual(used().length, 1)
      assert.strictEqual((yield* records("t")).length, 20)
    }).pipe(Effect.scoped)
  )

  it.effect("for an object that is missing goes on without it", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { merge, objects, takeOut, used } = world
      yield* fill(world, 30)
      yield* takeOut
      yield* old
      const [name] = Array.from(objects.bytes)[7]!
      objects.bytes.delete(name)
      yield* merge
      assert.strictEqual(used().length, 30)
      yield* merge
      yield* merge
      assert.deepStrictEqual(
        used().map((object) => object.name === name),
        [true, false]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("looks for the reason, and reads no more at a time for that than a merge does", () =>
    Effect.gen(function* () {
      const world = yield* started({ bytes: 500 }, 40, true)
      const { merge, reads, takeOut } = world
      yield* fill(world, 30)
      yield* takeOut
      yield* old
      reads.fails = true
      yield* merge
      yield* merge
      assert.isAbove(reads.bytes.length, 5)
      assert.isBelow(Math.max(...reads.bytes), 1000)
    }).pipe(Effect.scoped)
  )

  it.effect("because another broker has taken over says nothing", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { merge, objects, takeOut, used } = world
      yield* fill(world, 10)
      yield* takeOut
      yield* old
      const { append, faulty } = world
      objects.beforePut = Effect.suspend(() => {
        faulty.faults.push({ stored: false, error: new OutcomeUnknown({ message: "lost" }) })
        return Effect.asVoid(append("other", ["x=y"]))
      })
      yield* merge
      assert.strictEqual(used().length, 10)
    }).pipe(Effect.scoped)
  )
})
