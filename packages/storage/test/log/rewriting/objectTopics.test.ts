import { assert, describe, it } from "@effect/vitest"
import { GZIP } from "@tusk/protocol/record/Compression"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Store } from "../../../src/port/Store.ts"
import { StoreUnavailable } from "../../../src/port/StoreError.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { startErasing } from "../erase/ErasingBroker.ts"
import { MemoryErasures } from "../erase/MemoryErasures.ts"
import { ObjectsInTest } from "../objects/ObjectsInTest.ts"

/** A compacted topic and another one, both of one partition, that keep their bytes in objects. */
const started = Effect.fnUntraced(function* () {
  const faulty = new FaultyStore()
  const erasures = new MemoryErasures()
  const objects = new ObjectsInTest()
  const store = Layer.succeed(Store, Store.of({ ...faulty.store, erasures: erasures.port }))
  const broker = yield* startErasing(store, { objects, merge: { leastAgeMs: 0 } })
  const idOf = Effect.fnUntraced(function* (name: string) {
    yield* broker.create(name)
    return broker.partitionIdOf(name)
  })
  const ids = [yield* idOf("compacted"), yield* idOf("t")]
  for (const id of ids) objects.kept.add(id)
  /** Of each batch whether its bytes lie in the row. */
  const inRows = (name: string) =>
    faulty.data.partitions.get(broker.partitionIdOf(name))!.batches.map(({ records }) => records !== undefined)
  /** What a collector leaves: objects to which something points. */
  const collect = () => {
    for (const { name, objectId } of faulty.data.objects.all) {
      if (faulty.data.objects.batches(objectId) === 0) objects.bytes.delete(name)
    }
  }
  const ask = (name: string, key: string) => {
    const { partitionIds, topicId } = broker.topics.byName(name)!
    return erasures.ask(topicId, partitionIds, key)
  }
  return { ...broker, faulty, objects, inRows, collect, ask, takeOut: objects.takeOut(broker.store, ids, 3) }
})

type World = Effect.Success<ReturnType<typeof started>>

/** Keys that come again and again; the last batch is the newest, which is never compacted. */
const fill = Effect.fnUntraced(function* ({ append, takeOut }: World) {
  for (let i = 0; i < 6; i++) {
    yield* append("compacted", [`a=${i}`, `b${i}=${i}`], i % 2 === 0 ? {} : { compression: GZIP })
    yield* append("t", [`secret=hidden${i}`, `b=${i}`])
  }
  yield* takeOut
})
const compacted = ["1 b0=0", "3 b1=1", "5 b2=2", "7 b3=3", "8 a=4", "9 b4=4", "10 a=5", "11 b5=5"]

describe("a topic that keeps its bytes in objects", () => {
  it.effect("is compacted into one object a step", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { compact, inRows, objects, records } = world
      yield* fill(world)
      const { puts } = objects
      yield* compact
      assert.strictEqual(objects.puts, puts + 1)
      assert.deepStrictEqual(yield* records("compacted"), compacted)
      assert.deepStrictEqual(
        inRows("compacted"),
        Array.from({ length: 6 }, () => false)
      )
      // What compaction took the place of is not needed by anybody.
      world.collect()
      assert.deepStrictEqual(yield* records("compacted"), compacted)
    }).pipe(Effect.scoped)
  )

  it.effect("is compacted once an object can be put again", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { compact, objects, records } = world
      yield* fill(world)
      const before = yield* records("compacted")
      objects.isFull = true
      yield* compact
      assert.deepStrictEqual(yield* records("compacted"), before)
      objects.isFull = false
      yield* compact
      assert.deepStrictEqual(yield* records("compacted"), compacted)
    }).pipe(Effect.scoped)
  )

  it.effect("has what is compacted in rows again once it says so, also while no object can be put", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { compact, inRows, objects, partitionIdOf, records } = world
      yield* fill(world)
      objects.kept.delete(partitionIdOf("compacted"))
      objects.isFull = true
      yield* compact
      assert.deepStrictEqual(yield* records("compacted"), compacted)
      assert.deepStrictEqual(inRows("compacted"), [true, true, true, true, false, false])
    }).pipe(Effect.scoped)
  )

  it.effect("keeps markers and what is empty in rows", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { append, ask, compact, endTransaction, erase, inRows, takeOut } = world
      const transactional = { producerId: 7n, producerEpoch: 0, baseSequence: 0, isTransactional: true }
      yield* append("compacted", ["a=1"], transactional)
      yield* takeOut
      yield* endTransaction("compacted", 7n, true)
      yield* append("compacted", ["a=2"])
      yield* append("compacted", ["a=3"])
      yield* compact
      assert.deepStrictEqual(inRows("compacted"), [true, true, true])
      yield* append("t", ["secret=1"])
      yield* takeOut
      ask("t", "secret")
      yield* erase.check
      assert.deepStrictEqual(inRows("t"), [true])
    }).pipe(Effect.scoped)
  )

  it.effect("is erased; when objects were merged and collected, none has the key's bytes", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { ask, collect, erase, inRows, merge, objects, records } = world
      yield* fill(world)
      const others = yield* records("compacted")
      assert.isAbove(objects.holding("secret").length, 0)
      ask("t", "secret")
      yield* erase.check
      const left = ["1 b=0", "3 b=1", "5 b=2", "7 b=3", "9 b=4", "11 b=5"]
      assert.deepStrictEqual(yield* records("t"), left)
      assert.deepStrictEqual(
        inRows("t"),
        Array.from({ length: 6 }, () => false)
      )
      collect()
      // Beside them lie batches of the other topic.
      assert.isAbove(objects.holding("secret").length, 0)
      yield* merge
      collect()
      assert.deepStrictEqual([objects.holding("secret"), objects.holding("hidden")], [[], []])
      assert.deepStrictEqual(yield* records("t"), left)
      assert.deepStrictEqual(yield* records("compacted"), others)
    }).pipe(Effect.scoped)
  )

  it.effect("has no pointer to an object that was put too long ago", () =>
    Effect.gen(function* () {
      const world = yield* started()
      const { compact, faulty, objects, records } = world
      yield* fill(world)
      const before = yield* records("compacted")
      const { length } = faulty.data.objects.all
      objects.refusal = new StoreUnavailable({ message: "too old" })
      yield* compact
      assert.deepStrictEqual(yield* records("compacted"), before)
      assert.strictEqual(faulty.data.objects.all.length, length)
      objects.refusal = undefined
      yield* compact
      assert.deepStrictEqual(yield* records("compacted"), compacted)
    }).pipe(Effect.scoped)
  )
})
