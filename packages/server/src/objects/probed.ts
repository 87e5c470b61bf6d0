import type { ObjectStore, ObjectStoreError, ObjectStoreRefused } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"

/** How long a start waits for a store: what lies in rows is served without one. */
const START_MS = 10_000

/** The store once it is known to keep to the conditions of a put, or to be away: then that is asked before the first put. */
export const probed = (store: ObjectStore): Effect.Effect<ObjectStore, ObjectStoreRefused> =>
  Effect.gen(function* () {
    const one = Semaphore.makeUnsafe(1)
    let isKnown = false
    const known = Effect.tap(store.probe, () =>
      Effect.sync(() => {
        isKnown = true
      })
    )
    const ask = one.withPermits(1)(Effect.suspend(() => (isKnown ? Effect.void : known)))
    // It goes on meanwhile, and is not waited for at the end either.
    const asking = yield* Effect.forkDetach(ask, { startImmediately: true })
    yield* Fiber.join(asking).pipe(
      Effect.timeoutOrElse({
        duration: START_MS,
        orElse: () =>
          Effect.logWarning(`the object store has not answered for ${START_MS} ms: it is asked before it is written to`)
      }),
      Effect.catchTag("ObjectStoreUnavailable", ({ message }) =>
        Effect.logWarning(`the object store cannot be asked now: ${message}`)
      )
    )
    if (isKnown) return store
    const behind = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E | ObjectStoreError> =>
      Effect.suspend((): Effect.Effect<A, E | ObjectStoreError> => (isKnown ? call : Effect.andThen(ask, call)))
    return {
      name: store.name,
      isLocal: store.isLocal,
      probe: store.probe,
      get: (name, from, to) => store.get(name, from, to),
      list: (prefix, after) => store.list(prefix, after),
      remove: (name) => store.remove(name),
      readTagged: (name) => store.readTagged(name),
      put: (name, chunks) => behind(store.put(name, chunks)),
      grow: store.grow && ((name) => behind(store.grow!(name))),
      replaceTagged: (name, tag, value) => behind(store.replaceTagged(name, tag, value))
    }
  })
