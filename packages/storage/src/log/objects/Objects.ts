import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { Active } from "../../commit/Active.ts"
import { ObjectStore } from "../../port/ObjectStore.ts"
import type { GrowingObject, ObjectExists, ObjectStoreError } from "../../port/ObjectStore.ts"
import { Fenced, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Write } from "../../port/Write.ts"
import type { WriteOf } from "../../port/Write.ts"
import { Recurring } from "../../Recurring.ts"
import { Incarnation } from "./CollectorOptions.ts"
import { GrowingObjects } from "./GrowingObjects.ts"
import type { AppendedPlace } from "./GrowingObjects.ts"
import { objectName } from "./ObjectNames.ts"
import { ObjectOptions } from "./ObjectOptions.ts"
import { Owner } from "./Owner.ts"

/** How long a put is tried, and between two tries: at first, and at most. */
const TRIED_MS = 30_000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 2000

/** For which part of the time for which it may be pointed to an object grows. */
const GROWS_FOR = 4

const LETTERS = "abcdefghijklmnopqrstuvwxyz"
const INCARNATION_LETTERS = 8

/** An object that is in the store. */
export interface PlacedObject {
  /** Its row, which goes into each unit with a pointer to it. */
  readonly write: WriteOf<"PutObject">
  /** Why no pointer to it may be stored any more; undefined: one may. To be asked in the commit's turn. */
  readonly refusal: () => StoreError | undefined
}

const newIncarnation: Effect.Effect<string> = Effect.gen(function* () {
  let letters = ""
  for (let i = 0; i < INCARNATION_LETTERS; i++) letters += LETTERS[yield* Random.nextIntBetween(0, LETTERS.length - 1)]
  return letters
})

/** The word that names of this process have. */
export const incarnationLayer = Layer.effect(Incarnation, newIncarnation)

/** Puts objects: each has a name and an id that no other has. What was put in one reign is not pointed to in another. */
export interface Objects {
  /** Whether a put takes about as long as a flush of a disk of this machine. */
  readonly isLocal: boolean
  /**
   * Puts the chunks, one behind the other, as one object, which is durable when it is told. They are not changed meanwhile.
   * Fails with `StoreUnavailable` when that is not known to have worked for too long, or was refused: nothing may point to it
   * then.
   */
  readonly put: (
    chunks: ReadonlyArray<Uint8Array>,
    options?: { readonly merged?: boolean }
  ) => Effect.Effect<PlacedObject, StoreError>
  /**
   * Appends the chunks to an object that grows: durable, and not changed, as for a put; one call at a time. Undefined: objects of
   * this store do not grow.
   */
  readonly append: ((chunks: ReadonlyArray<Uint8Array>) => Effect.Effect<AppendedPlace, StoreError>) | undefined
  /** Whether batches may come to it yet. */
  readonly isGrowing: (objectId: bigint) => boolean
  /** None comes any more to the one that grows now. */
  readonly endGrowing: Effect.Effect<void>
}

const without: Objects = {
  isLocal: true,
  put: () =>
    Effect.fail(new StoreUnavailable({ message: "the topic is kept in objects, and this broker has no object store" })),
  append: undefined,
  isGrowing: () => false,
  endGrowing: Effect.void
}

/** By default there is no object store, and every put fails. */
export const Objects = Context.Reference<Objects>("@tusk/storage/log/objects/Objects", { defaultValue: () => without })

/** Puts them into `ObjectStore`, as long as that is this database's. */
export const objectsLayer: Layer.Layer<never, never, Active | Owner> = Layer.effect(
  Objects,
  Effect.gen(function* () {
    const store = yield* ObjectStore
    if (store === undefined) return without
    const active = yield* Active
    const { grownBytes, pointableMs } = yield* ObjectOptions
    const clock = yield* Clock.Clock
    const owner = yield* Owner
    const trouble = new Recurring("objects")
    const incarnation = (yield* Incarnation) ?? (yield* newIncarnation)
    let nextId = active.cluster.nextObjectId
    let number = 0
    active.onTakeOver(({ nextObjectId }) =>
      Effect.sync(() => {
        if (nextObjectId > nextId) nextId = nextObjectId
      })
    )

    /** Whether an object of this name has these bytes: it was put by a try that was not heard of. */
    const isThere = (name: string, bytes: number): Effect.Effect<boolean, ObjectStoreError> =>
      Effect.map(store.list(name, undefined), (found) =>
        found.some((listed) => listed.name === name && listed.bytes === bytes)
      )

    const tryOnce = (name: string, chunks: ReadonlyArray<Uint8Array>, bytes: number, wasSent: boolean) =>
      Effect.catchTag(store.put(name, chunks), "ObjectExists", (error) =>
        wasSent
          ? Effect.flatMap(isThere(name, bytes), (is) => (is ? Effect.void : Effect.fail(error)))
          : Effect.fail(error)
      )

    /** Until it has worked: not for ever, and not in another reign. It is told whether a try before may have worked unheard. */
    const stored = Effect.fnUntraced(function* <A>(
      attempt: (wasSent: boolean) => Effect.Effect<A, ObjectExists | ObjectStoreError>,
      reign: number
    ) {
      const askedAtMs = active.nowMs()
      let wasSent: boolean = false
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        const tried: Result.Result<A, ObjectExists | ObjectStoreError> = yield* Effect.result(attempt(wasSent))
        if (active.reign() !== reign) return yield* anotherReign()
        const tookMs = active.nowMs() - askedAtMs
        if (Result.isSuccess(tried)) {
          yield* trouble.over(`objects are put into ${store.name} again`)
          return tried.success
        }
        const error: ObjectExists | ObjectStoreError = tried.failure
        yield* trouble.seen(`an object cannot be put into ${store.name}: ${error.message}`)
        if (error._tag !== "ObjectStoreUnavailable" || tookMs + waitMs > TRIED_MS) return yield* unavailable(error)
        wasSent ||= error.sent
        yield* Effect.sleep(waitMs)
      }
    })

    /** The name of a new object, its row, and until when it may be pointed to. */
    const named = (bytes: number, merged: boolean, reign: number): PlacedObject => {
      const [putMs, timeMs] = [active.nowMs(), clock.currentTimeMillisUnsafe()]
      const name = objectName(active.clusterId, { incarnation, timeMs, number: ++number })
      const write = Write.PutObject({ objectId: nextId++, name, bytes, createdAt: BigInt(timeMs), merged })
      const refusal = () => {
        if (active.reign() !== reign) return anotherReign()
        // A machine that slept has a clock that stood still.
        const ageMs = Math.max(active.nowMs() - putMs, clock.currentTimeMillisUnsafe() - timeMs)
        return ageMs < pointableMs ? undefined : tooOld(name)
      }
      return { write, refusal }
    }

    const inReign = <A>(work: (reign: number) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      Effect.andThen(
        owner.mayWrite,
        Effect.suspend(() => {
          const reign = active.reign()
          return reign === undefined ? Effect.fail(anotherReign()) : work(reign)
        })
      )

    const growsBy = (grow: (name: string) => Effect.Effect<GrowingObject, ObjectExists | ObjectStoreError>) =>
      new GrowingObjects({
        begin: (bytes, reign) => {
          const placed = named(bytes, false, reign)
          return Effect.map(grow(placed.write.name), (object) => ({ ...placed, object }))
        },
        nowMs: active.nowMs,
        bytes: grownBytes,
        forMs: pointableMs / GROWS_FOR
      })
    const growing = store.grow && growsBy(store.grow)
    if (growing !== undefined) yield* Effect.addFinalizer(() => growing.end)

    return {
      isLocal: store.isLocal,
      put: (chunks, { merged = false } = {}) =>
        inReign((reign) => {
          const bytes = sizeOf(chunks)
          const placed = named(bytes, merged, reign)
          return Effect.as(
            stored((wasSent) => tryOnce(placed.write.name, chunks, bytes, wasSent), reign),
            placed
          )
        }),
      append:
        growing &&
        ((chunks) =>
          inReign((reign) => {
            const bytes = sizeOf(chunks)
            return stored(() => growing.append(chunks, bytes, reign), reign)
          })),
      isGrowing: (objectId) => growing !== undefined && growing.isGrowing(objectId),
      endGrowing: growing?.end ?? Effect.void
    }
  })
)

const sizeOf = (chunks: ReadonlyArray<Uint8Array>): number => chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)

const anotherReign = () => new Fenced({ message: "the cluster was taken over after the object was put" })
const tooOld = (name: string) => new StoreUnavailable({ message: `object ${name} waited for too long for its commit` })
const unavailable = (error: ObjectExists | ObjectStoreError) =>
  new StoreUnavailable({ message: `an object cannot be stored: ${error.message}`, cause: error })
