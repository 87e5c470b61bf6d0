import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import { Active } from "../../commit/Active.ts"
import { ObjectStore } from "../../port/ObjectStore.ts"
import type { GrowingObject, ObjectExists, ObjectStoreError } from "../../port/ObjectStore.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Incarnation } from "./CollectorOptions.ts"
import { GrowingObjects } from "./GrowingObjects.ts"
import type { AppendedPlace } from "./GrowingObjects.ts"
import { anotherReign, makeNaming } from "./naming.ts"
import { makeTrying } from "./trying.ts"
import type { PlacedObject } from "./PlacedObject.ts"
import { ObjectOptions } from "./ObjectOptions.ts"
import { Owner } from "./Owner.ts"

/** For which part of the time for which it may be pointed to an object grows. */
const GROWS_FOR = 4

const LETTERS = "abcdefghijklmnopqrstuvwxyz"
const INCARNATION_LETTERS = 8

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
    const incarnation = (yield* Incarnation) ?? (yield* newIncarnation)
    const named = makeNaming({ active, clock, incarnation, pointableMs })
    const stored = makeTrying(active, store.name)

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
