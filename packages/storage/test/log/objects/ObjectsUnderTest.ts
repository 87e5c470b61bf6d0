import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Active } from "../../../src/commit/Active.ts"
import { Committer } from "../../../src/commit/Committer.ts"
import { Collecting } from "../../../src/log/objects/Collecting.ts"
import type { CollectFailure } from "../../../src/log/objects/Collecting.ts"
import { objectName } from "../../../src/log/objects/ObjectNames.ts"
import { collectorDefaults } from "../../../src/defaults.ts"
import { makeMemoryObjectStore, MemoryObjects } from "../../../src/object/memory/MemoryObjectStore.ts"
import type { ObjectRows } from "../../../src/port/ObjectRows.ts"
import type { ObjectStore } from "../../../src/port/ObjectStore.ts"
import { Store } from "../../../src/port/Store.ts"
import { Write } from "../../../src/port/Write.ts"
import type { Unit } from "../../../src/port/Write.ts"
import { StorageCounts } from "../../../src/StorageCounts.ts"
import { Model, TOPIC, topicWith } from "../../../src/testing/storeScenarios.ts"
import type { Port } from "../../../src/testing/storeScenarios.ts"

/** Of this process; other words are other ones'. */
export const ME = "memememe"
export const OTHER = "otherone"
export const MINUTE_MS = 60_000
export const DAY_MS = 86_400_000
/** Bytes of each object that a test puts. */
const BYTES = 100

/** A store of batches, one of objects, and time that goes by when a test says so. */
export class ObjectsUnderTest {
  readonly data = new MemoryObjects()
  readonly store: ObjectStore = makeMemoryObjectStore(this.data, { maxBytes: 1 << 30 })
  readonly model = new Model(1)
  readonly counts = new StorageCounts()
  readonly port: Port
  readonly committer: Committer["Service"]
  readonly active: Active["Service"]
  /** How much later it is than it really is. */
  wallMs = 0
  monotonicMs = 0
  /** Whether the objects are this database's. */
  isOwner = true
  #nextNumber = 0
  #nextId = 1n

  constructor(port: Port, context: Context.Context<Active | Committer>) {
    this.port = port
    this.active = Context.get(context, Active)
    this.committer = Context.get(context, Committer)
  }

  get rows(): ObjectRows {
    // Its server has no other clock than this test.
    return { ...this.port.objects!, nowMs: Effect.succeed(undefined) }
  }

  get clusterId(): string {
    return this.active.clusterId
  }

  /** All clocks go on. */
  later(ms: number): void {
    this.wallMs += ms
    this.monotonicMs += ms
  }

  get nowMs(): number {
    return Date.now() + this.wallMs
  }

  /** An object in the store alone. */
  put(incarnation = ME, timeMs = this.nowMs): Effect.Effect<string> {
    const name = objectName(this.clusterId, { incarnation, timeMs, number: ++this.#nextNumber })
    return Effect.as(Effect.orDie(this.store.put(name, [new Uint8Array(BYTES)])), name)
  }

  /** The writes of a unit with one batch in the object. */
  pointing(name: string, objectId = this.#nextId++): Unit {
    const createdAt = BigInt(this.nowMs)
    const append = this.model.append({ bytes: 10 })
    return [
      Write.PutObject({ objectId, name, bytes: BYTES, createdAt, merged: false }),
      { ...append, stored: { objectId, position: Number(append.baseOffset) * 10 } }
    ]
  }

  /** Puts an object and commits one batch in it. */
  used(incarnation = ME): Effect.Effect<{ readonly name: string; readonly objectId: bigint }, unknown> {
    return Effect.gen({ self: this }, function* () {
      const name = yield* this.put(incarnation)
      const objectId = this.#nextId
      yield* this.committer.write(this.pointing(name))
      return { name, objectId }
    })
  }

  /** No batch that is there now stays; behind them is one in a row. */
  emptied(): Effect.Effect<void, unknown> {
    const below = this.model.end
    return this.committer.write([this.model.append(), Write.DeleteBatches({ partitionId: 1, below, limit: 1000 })])
  }

  collecting(rows: ObjectRows = this.rows, store: ObjectStore = this.store): Collecting {
    const { clusterId, proven, reign } = this.active
    return new Collecting({
      active: { clusterId, proven, reign, nowMs: () => this.active.nowMs() + this.monotonicMs },
      committer: this.committer,
      rows,
      store,
      owner: { mayRemove: Effect.sync(() => this.isOwner) },
      counts: this.counts,
      options: { ...collectorDefaults, rowsPerStep: 2, removedPerStep: 2 },
      incarnation: ME
    })
  }

  /** A round at the time of this test. */
  round(collecting: Collecting): Effect.Effect<void, CollectFailure> {
    return this.at(
      Effect.flatMap(collecting.begin, (look) => Effect.andThen(collecting.mark(look), collecting.remove(look)))
    )
  }

  sweep(collecting: Collecting): Effect.Effect<void, CollectFailure> {
    return this.at(Effect.flatMap(collecting.begin, collecting.sweep))
  }

  at<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.flatMap(Clock.Clock, (real) =>
      Effect.provideService(effect, Clock.Clock, {
        ...real,
        currentTimeMillisUnsafe: () => this.nowMs,
        currentTimeMillis: Effect.sync(() => this.nowMs),
        sleep: (duration) => real.sleep(duration),
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: real.monotonicTimeNanos
      } as Clock.Clock)
    )
  }

  /** Names that the store holds, in order. */
  get names(): ReadonlyArray<string> {
    return Array.from(this.data.objects.keys()).sort()
  }
}

/** A broker's commits over a store of batches that nobody holds yet, with a topic of two partitions. */
export const objectsUnderTest = (port: Port): Effect.Effect<ObjectsUnderTest, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const layer = Layer.provideMerge(Committer.layer, Layer.provide(Active.layer, Layer.succeed(Store, port)))
    const context = yield* Layer.build(Layer.fresh(Layer.provide(layer, Layer.succeed(Store, port))))
    const world = new ObjectsUnderTest(port, context)
    yield* world.committer.write(topicWith(TOPIC, "t", [1, 2]))
    return world
  })
