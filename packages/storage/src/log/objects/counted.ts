import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Histogram } from "../../Histogram.ts"
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
  const timed = <A, E>(seconds: Histogram, call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.map(Effect.timed(call), ([took, found]) => {
      seconds.observe(Duration.toSeconds(took))
      return found
    })
  const putting = <E extends { readonly _tag: string }>(
    chunks: ReadonlyArray<Uint8Array>,
    call: Effect.Effect<void, E>
  ): Effect.Effect<void, E> =>
    Effect.map(failing("put")(timed(counts.objectSeconds.put, call)), () => {
      for (const { byteLength } of chunks) counts.objectPutBytes += byteLength
    })
  return {
    name: store.name,
    isLocal: store.isLocal,
    probe: store.probe,
    put: (name, chunks) => putting(chunks, store.put(name, chunks)),
    grow:
      store.grow &&
      ((name) =>
        Effect.map(failing("put")(store.grow!(name)), ({ append, close }) => ({
          append: (chunks) => putting(chunks, append(chunks)),
          close
        }))),
    get: (name, from, to) =>
      Effect.tap(failing("get")(timed(counts.objectSeconds.get, store.get(name, from, to))), () => {
        counts.objectGetBytes += to - from
        return Effect.void
      }),
    list: (prefix, after) => failing("list")(store.list(prefix, after)),
    remove: (name) => failing("remove")(store.remove(name)),
    readTagged: (name) => failing("get")(store.readTagged(name)),
    replaceTagged: (name, tag, value) => failing("put")(store.replaceTagged(name, tag, value))
  }
}
