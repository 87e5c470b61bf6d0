import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ObjectStore } from "../../port/ObjectStore.ts"
import type { StorageCounts } from "../../StorageCounts.ts"

/** The same store; what is asked of it is counted. */
export const counted = (store: ObjectStore, counts: StorageCounts): ObjectStore => {
  const failing =
    (call: string) =>
    <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.tapError(effect, ({ _tag }) =>
        Effect.sync(() => {
          if (_tag === "ObjectStoreUnavailable" || _tag === "ObjectStoreRefused") counts.objectFailed(call)
        })
      )
  const read = (bytes: number, get: ReturnType<ObjectStore["get"]>): ReturnType<ObjectStore["get"]> =>
    Effect.map(Effect.timed(get), ([took, found]) => {
      counts.objectGetSeconds.observe(Duration.toSeconds(took))
      counts.objectGetBytes += bytes
      return found
    })
  return {
    name: store.name,
    isLocal: store.isLocal,
    probe: store.probe,
    put: (name, chunks) => failing("put")(store.put(name, chunks)),
    get: (name, from, to) => failing("get")(read(to - from, store.get(name, from, to))),
    list: (prefix, after) => failing("list")(store.list(prefix, after)),
    remove: (name) => failing("remove")(store.remove(name)),
    readTagged: (name) => failing("get")(store.readTagged(name)),
    replaceTagged: (name, tag, value) => failing("put")(store.replaceTagged(name, tag, value))
  }
}
