import * as Clock from "effect/Clock"
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
  const timed = <A, E>(seconds: Histogram, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(Clock.monotonicTimeNanos, (since) =>
      Effect.tap(effect, () =>
        Effect.map(Clock.monotonicTimeNanos, (now) => seconds.observe(Number(now - since) / 1e9))
      )
    )
  return {
    name: store.name,
    isLocal: store.isLocal,
    probe: store.probe,
    put: (name, chunks) =>
      timed(counts.objectSeconds.put, store.put(name, chunks)).pipe(
        Effect.tap(() => Effect.sync(() => void (counts.objectPutBytes += sizeOf(chunks)))),
        failing("put")
      ),
    get: (name, from, to) =>
      timed(counts.objectSeconds.get, store.get(name, from, to)).pipe(
        Effect.tap(() => Effect.sync(() => void (counts.objectGetBytes += to - from))),
        failing("get")
      ),
    list: (prefix, after) => failing("list")(store.list(prefix, after)),
    remove: (name) => failing("remove")(store.remove(name)),
    readTagged: (name) => failing("get")(store.readTagged(name)),
    replaceTagged: (name, tag, value) => failing("put")(store.replaceTagged(name, tag, value))
  }
}

const sizeOf = (chunks: ReadonlyArray<Uint8Array>): number =>
  chunks.reduce((bytes, chunk) => bytes + chunk.byteLength, 0)
