import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { adoption } from "../../../src/log/objects/adoption.ts"
import { Owner } from "../../../src/log/objects/Owner.ts"
import { decodeOwner, ownerName } from "../../../src/log/objects/OwnerRecord.ts"
import { make, MemoryData } from "../../../src/memory/MemoryStore.ts"
import { makeMemoryObjectStore, MemoryObjects } from "../../../src/object/memory/MemoryObjectStore.ts"
import type { ClusterState, ServerIdentity } from "../../../src/port/CommitStore.ts"
import { NOTHING_TOLD } from "../../../src/port/counters.ts"
import { ObjectStore, ObjectStoreUnavailable } from "../../../src/port/ObjectStore.ts"

const CLUSTER = "AAAAAAAAAAAAAAAAAAAAAQ"
const SERVER: ServerIdentity = { systemIdentifier: "7", timeline: "00000001", place: "5x6" }
const PROMOTED = { ...SERVER, timeline: "00000002" }
const none = Effect.succeed(false)

/** A store of objects that may be away, and brokers' owners over it. */
class World {
  readonly data = new MemoryObjects()
  readonly #memory = makeMemoryObjectStore(this.data, { maxBytes: 1 << 20 })
  isAway = false
  /** Runs before each change of the owner object. */
  beforeReplace: Effect.Effect<void> = Effect.void
  /** The change happens, and its answer is lost. */
  isUnheard = false

  readonly store: ObjectStore = {
    ...this.#memory,
    readTagged: (name) => this.#reached(this.#memory.readTagged(name)),
    replaceTagged: (name, tag, value) =>
      this.#reached(
        Effect.gen({ self: this }, function* () {
          yield* this.beforeReplace
          const isDone = yield* this.#memory.replaceTagged(name, tag, value)
          if (!this.isUnheard) return isDone
          this.isUnheard = false
          return yield* new ObjectStoreUnavailable({ message: "no answer", sent: true })
        })
      )
  }

  readonly owner = Effect.map(
    Effect.suspend(() => Layer.build(Layer.fresh(Layer.provide(Owner.layer, Layer.succeed(ObjectStore, this.store))))),
    (context) => Context.get(context, Owner)
  )

  get record() {
    return decodeOwner(this.data.objects.get(ownerName(CLUSTER))!)
  }

  #reached<A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E | ObjectStoreUnavailable> {
    return Effect.suspend((): Effect.Effect<A, E | ObjectStoreUnavailable> =>
      this.isAway ? Effect.fail(new ObjectStoreUnavailable({ message: "the store is away", sent: false })) : call
    )
  }
}

/** What a take-over tells. */
const reign = (epoch: number, server = SERVER) =>
  Effect.map(
    Effect.scoped(make(new MemoryData(CLUSTER), { maxBytes: 1 }).acquire(NOTHING_TOLD)),
    (state): ClusterState => ({ ...state, epoch, server })
  )

const scenario = (title: string, body: (world: World) => Effect.Effect<unknown, unknown, any>) =>
  it.effect(title, () => Effect.suspend(() => body(new World()) as Effect.Effect<unknown, unknown>).pipe(Effect.scoped))

const whyNot = (owner: Owner["Service"]) => Effect.map(Effect.flip(owner.mayRead), ({ message }) => message)

describe("the owner of objects", () => {
  scenario("is the first database that comes, and the same one in each reign", (world) =>
    Effect.gen(function* () {
      const owner = yield* world.owner
      yield* owner.claim(yield* reign(3), none)
      yield* owner.mayRead
      yield* owner.mayWrite
      assert.isTrue(yield* owner.mayRemove)
      assert.isTrue(yield* owner.mayRemove)
      assert.deepInclude(world.record, { ...SERVER, clusterId: CLUSTER, epoch: 3 })
      yield* owner.claim(yield* reign(4), none)
      yield* owner.mayRead
      assert.strictEqual(world.record!.epoch, 4)
      // Another broker of the same database takes over.
      const other = yield* world.owner
      yield* other.claim(yield* reign(5), none)
      yield* other.mayRead
      assert.isFalse(yield* owner.mayRemove)
      assert.match(yield* whyNot(owner), /at epoch 4, and owned the objects at epoch 5/)
      assert.isTrue(yield* other.mayRemove)
    })
  )

  it.effect("that is another broker's now is no trouble of the one that is not the writer any more", () => {
    const lines: Array<string> = []
    const world = new World()
    return Effect.gen(function* () {
      const [former, next] = [yield* world.owner, yield* world.owner]
      let isReigning = true
      yield* former.claim(yield* reign(3), none, () => isReigning)
      yield* former.mayRead
      isReigning = false
      yield* next.claim(yield* reign(4), none)
      yield* next.mayRead
      assert.isFalse(yield* former.mayRemove)
      yield* TestClock.adjust(10_000)
      assert.match(yield* whyNot(former), /owned the objects at epoch 4/)
      assert.deepStrictEqual(lines, [])
      isReigning = true
      yield* TestClock.adjust(10_000)
      assert.match(lines[0]!, /objects are neither read nor written/)
    }).pipe(
      Effect.scoped,
      Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]))
    )
  })

  scenario("is not asked before a lock is taken", (world) =>
    Effect.gen(function* () {
      const owner = yield* world.owner
      assert.isFalse(yield* owner.mayRemove)
      const asked = yield* Effect.forkChild(whyNot(owner), { startImmediately: true })
      yield* TestClock.adjust(5000)
      assert.match(yield* Fiber.join(asked), /no reign has claimed/)
    })
  )

  scenario("refuses a copy, which hears of an adoption soon, and then the one it was taken from", (world) =>
    Effect.gen(function* () {
      const [first, copy] = [yield* world.owner, yield* world.owner]
      yield* first.claim(yield* reign(3), none)
      yield* first.mayRead
      yield* copy.claim(yield* reign(1003, { ...SERVER, systemIdentifier: "8" }), none)
      assert.match(yield* whyNot(copy), /another database's \(system 7 .*tusk object adopt/)
      assert.isFalse(yield* copy.mayRemove)
      assert.isTrue(yield* first.mayRemove)
      const adopting = yield* adoption(world.store, {
        clusterId: CLUSTER,
        epoch: 1003,
        server: { ...SERVER, systemIdentifier: "8" }
      })
      assert.deepInclude(adopting.from, SERVER)
      assert.isTrue(adopting.isAnother)
      assert.isTrue(yield* adopting.adopt)
      yield* TestClock.adjust(3000)
      yield* copy.mayRead
      assert.isTrue(yield* copy.mayRemove)
      assert.isFalse(yield* first.mayRemove)
      assert.match(yield* whyNot(first), /another database's \(system 8/)
    })
  )

  scenario("looks now and then: one that has nothing to remove hears of another's adoption, or that the store is gone", (world) =>
    Effect.gen(function* () {
      const owner = yield* world.owner
      yield* owner.claim(yield* reign(3), Effect.succeed(true))
      yield* (yield* adoption(world.store, { clusterId: CLUSTER, epoch: 3, server: SERVER })).adopt
      yield* TestClock.adjust(3000)
      yield* owner.mayWrite
      world.isAway = true
      yield* TestClock.adjust("5 minutes")
      yield* owner.mayWrite
      world.isAway = false
      const server = { ...SERVER, systemIdentifier: "8" }
      yield* (yield* adoption(world.store, { clusterId: CLUSTER, epoch: 1003, server })).adopt
      yield* TestClock.adjust("1 minute")
      assert.match(yield* whyNot(owner), /another database's \(system 8/)
      yield* (yield* adoption(world.store, { clusterId: CLUSTER, epoch: 3, server: SERVER })).adopt
      yield* TestClock.adjust("1 minute")
      yield* owner.mayWrite
      world.data.objects.clear()
      yield* TestClock.adjust("1 minute")
      assert.match(yield* whyNot(owner), /is it the right store\?/)
    })
  )

  scenario("goes on over a failover that the process lived through, and over no other", (world) =>
    Effect.gen(function* () {
      const [owner, standby] = [yield* world.owner, yield* world.owner]
      yield* owner.claim(yield* reign(3), none)
      yield* owner.mayRead
      yield* standby.claim(yield* reign(1004, PROMOTED), none)
      assert.match(yield* whyNot(standby), /another database's/)
      yield* owner.claim(yield* reign(2005, PROMOTED), none)
      yield* owner.mayRead
      assert.strictEqual(world.record!.timeline, "00000002")
    })
  )

  scenario("refuses the same database at an earlier state", (world) =>
    Effect.gen(function* () {
      const [owner, restored] = [yield* world.owner, yield* world.owner]
      yield* owner.claim(yield* reign(9), none)
      yield* owner.mayRead
      yield* restored.claim(yield* reign(4), none)
      assert.match(yield* whyNot(restored), /at epoch 4, and owned the objects at epoch 9/)
      const adopting = yield* adoption(world.store, { clusterId: CLUSTER, epoch: 4, server: SERVER })
      assert.isTrue(adopting.isAnother)
      yield* adopting.adopt
      yield* TestClock.adjust(3000)
      yield* restored.mayRead
    })
  )

  scenario("does not take a store for its own that has no owner, though the database knows objects", (world) =>
    Effect.gen(function* () {
      const owner = yield* world.owner
      yield* owner.claim(yield* reign(3), Effect.succeed(true))
      assert.match(yield* whyNot(owner), /is it the right store\?/)
      assert.strictEqual(world.data.objects.size, 0)
      const adopting = yield* adoption(world.store, { clusterId: CLUSTER, epoch: 3, server: SERVER })
      assert.strictEqual(adopting.from, undefined)
      yield* adopting.adopt
      yield* TestClock.adjust(3000)
      yield* owner.mayRead
    })
  )

  scenario("waits while the store is away, and looks again", (world) =>
    Effect.gen(function* () {
      world.isAway = true
      const owner = yield* world.owner
      yield* owner.claim(yield* reign(3), none)
      const asked = yield* Effect.forkChild(whyNot(owner), { startImmediately: true })
      yield* TestClock.adjust(5000)
      assert.match(yield* Fiber.join(asked), /not known yet: the store is away/)
      world.isAway = false
      yield* TestClock.adjust(3000)
      yield* owner.mayRead
      world.isAway = true
      assert.strictEqual((yield* Effect.flip(owner.mayRemove))._tag, "ObjectStoreUnavailable")
      yield* owner.mayRead
    })
  )

  scenario("finds out what became of a change whose answer was lost", (world) =>
    Effect.gen(function* () {
      const owner = yield* world.owner
      world.isUnheard = true
      yield* owner.claim(yield* reign(3), none)
      const asked = yield* Effect.forkChild(owner.mayRead, { startImmediately: true })
      yield* TestClock.adjust(3000)
      yield* Fiber.join(asked)
      world.isUnheard = true
      assert.strictEqual((yield* Effect.flip(owner.mayRemove))._tag, "ObjectStoreUnavailable")
      // Its own change was not known: nothing is removed by a round that begins so.
      assert.isFalse(yield* owner.mayRemove)
      assert.isTrue(yield* owner.mayRemove)
    })
  )

  scenario("is the one of two that was quicker", (world) =>
    Effect.gen(function* () {
      const [first, second] = [yield* world.owner, yield* world.owner]
      const later = yield* reign(5)
      let isFirst = true
      world.beforeReplace = Effect.suspend(() => {
        if (!isFirst) return Effect.void
        isFirst = false
        return Effect.andThen(second.claim(later, none), Effect.orDie(second.mayRead))
      })
      yield* first.claim(yield* reign(4), none)
      assert.match(yield* whyNot(first), /at epoch 4, and owned the objects at epoch 5/)
      yield* second.mayRead
    })
  )

  it.effect("reads nothing without a store", () =>
    Effect.gen(function* () {
      const owner = Context.get(yield* Layer.build(Layer.fresh(Owner.layer)), Owner)
      assert.match(yield* whyNot(owner), /no object store/)
      assert.isFalse(yield* owner.mayRemove)
    }).pipe(Effect.scoped)
  )
})
