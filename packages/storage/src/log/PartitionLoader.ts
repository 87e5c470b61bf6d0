import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Store, StoredPartition } from "../Store.ts"
import { StoreUnavailable } from "../StoreError.ts"
import type { StoreError } from "../StoreError.ts"

/**
 * Loads partitions once for all who ask at a time. A load runs in the layer's scope and not in the fiber of who asked
 * first: that one may be interrupted, and the others, appends among them, still wait for it.
 */
export const makePartitionLoader = (
  store: Store["Service"],
  scope: Scope.Scope,
  isLoaded: (partitionId: number) => boolean,
  /** Takes what a load found, unless a take-over came between. */
  receiver: () => (partitions: ReadonlyArray<StoredPartition>) => void
): ((partitionIds: ReadonlyArray<number>) => Effect.Effect<void, StoreError>) => {
  const loading = new Map<number, Deferred.Deferred<void, StoreError>>()

  const begin = (partitionIds: ReadonlyArray<number>, done: Deferred.Deferred<void, StoreError>) => {
    const receive = receiver()
    return store.loadPartitions(partitionIds).pipe(
      Effect.map(receive),
      Effect.catchDefect((cause) =>
        Effect.fail(new StoreUnavailable({ message: "partitions could not be loaded", cause }))
      ),
      Effect.onExit((exit) => {
        for (const partitionId of partitionIds) loading.delete(partitionId)
        return Deferred.done(done, exit)
      }),
      Effect.exit,
      Effect.forkIn(scope, { startImmediately: true })
    )
  }

  return (partitionIds) =>
    Effect.suspend(() => {
      const waits = new Set<Deferred.Deferred<void, StoreError>>()
      const mine: Array<number> = []
      const done = Deferred.makeUnsafe<void, StoreError>()
      for (const partitionId of partitionIds) {
        if (isLoaded(partitionId)) continue
        const other = loading.get(partitionId)
        if (other === undefined) {
          loading.set(partitionId, done)
          mine.push(partitionId)
        }
        waits.add(other ?? done)
      }
      const wait = Effect.forEach(waits, (each) => Deferred.await(each), { discard: true })
      return mine.length === 0 ? wait : Effect.andThen(begin(mine, done), wait)
    })
}
