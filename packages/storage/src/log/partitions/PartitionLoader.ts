import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StoredPartition } from "../../port/StateLoader.ts"
import type { Store } from "../../port/Store.ts"
import { Fenced, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"

/** Brings partitions from the store into memory. */
export interface PartitionLoader {
  /** Returns when all of them are loaded, or are not there. */
  readonly load: (partitionIds: ReadonlyArray<number>) => Effect.Effect<void, StoreError>
  /** No load under way counts any more: callers that wait for one are told so, and the next caller reads anew. */
  readonly clear: () => void
}

/**
 * Loads partitions once for all callers at a time. A load runs in the layer's scope and not in the fiber that asked
 * first: that one may be interrupted, and the others, appends among them, still wait for it.
 */
export const makePartitionLoader = (
  store: Pick<Store["Service"], "loadPartitions">,
  scope: Scope.Scope,
  isLoaded: (partitionId: number) => boolean,
  /** Bounds how long each caller waits; the load goes on. */
  inTime: (load: Effect.Effect<void, StoreError>) => Effect.Effect<void, StoreError>,
  /** Takes what a load finds, unless a take-over came between. */
  receiver: () => (partitions: ReadonlyArray<StoredPartition>) => Effect.Effect<void, StoreError>
): PartitionLoader => {
  type Loading = Deferred.Deferred<void, StoreError>
  let loading = new Map<number, Loading>()

  const begin = (partitionIds: ReadonlyArray<number>, done: Loading) => {
    const receive = receiver()
    const own = loading
    return store.loadPartitions(partitionIds).pipe(
      Effect.flatMap(receive),
      Effect.catchDefect((cause) =>
        Effect.fail(new StoreUnavailable({ message: "partitions could not be loaded", cause }))
      ),
      Effect.onExit((exit) => {
        for (const partitionId of partitionIds) own.delete(partitionId)
        return Deferred.done(done, exit)
      }),
      Effect.exit,
      Effect.forkIn(scope, { startImmediately: true })
    )
  }

  const loadOnce = (partitionIds: ReadonlyArray<number>): Effect.Effect<void, StoreError> =>
    Effect.suspend(() => {
      const shared = new Map<Loading, Array<number>>()
      const mine: Array<number> = []
      const done = Deferred.makeUnsafe<void, StoreError>()
      for (const partitionId of partitionIds) {
        if (isLoaded(partitionId)) continue
        const other = loading.get(partitionId)
        if (other === undefined) {
          loading.set(partitionId, done)
          mine.push(partitionId)
        } else if (other !== done) shared.set(other, [...(shared.get(other) ?? []), partitionId])
      }
      const waits = Effect.forEach(shared, ([other, ids]) => sharing(other, ids), { discard: true })
      return mine.length === 0
        ? waits
        : begin(mine, done).pipe(Effect.andThen(waits), Effect.andThen(Deferred.await(done)))
    })

  /** Another's load may have failed for what was not asked for here. */
  const sharing = (other: Loading, partitionIds: ReadonlyArray<number>): Effect.Effect<void, StoreError> =>
    Effect.catchTag(Deferred.await(other), "StoreUnavailable", () => loadOnce(partitionIds))

  const load = (partitionIds: ReadonlyArray<number>): Effect.Effect<void, StoreError> => inTime(loadOnce(partitionIds))

  const clear = (): void => {
    const dropped = new Set(loading.values())
    loading = new Map()
    const overtaken = Effect.fail(new Fenced({ message: "the cluster was taken over meanwhile" }))
    for (const done of dropped) Deferred.doneUnsafe(done, overtaken)
  }
  return { load, clear }
}
