import * as Effect from "effect/Effect"
import type { Store } from "../../port/Store.ts"
import type { StoredCompaction } from "../../port/Write.ts"
import type { StoreError } from "../../port/StoreError.ts"

/** How far partitions of compacted topics are compacted, as it is stored. */
export class CompactionStates {
  readonly #store: Pick<Store["Service"], "loadPartitions">
  #states = new Map<number, StoredCompaction | null>()

  constructor(store: Pick<Store["Service"], "loadPartitions">) {
    this.#store = store
  }

  /** Reads what is not known of these, together. */
  load(partitionIds: ReadonlyArray<number>): Effect.Effect<void, StoreError> {
    return Effect.suspend(() => {
      const missing = partitionIds.filter((partitionId) => !this.#states.has(partitionId))
      if (missing.length === 0) return Effect.void
      // What another reign begins with is not filled by this one.
      const into = this.#states
      return Effect.map(this.#store.loadPartitions(missing), (partitions) => {
        for (const { compaction, partitionId } of partitions) into.set(partitionId, compaction)
      })
    })
  }

  /** Null: it was never compacted, or is not known. */
  of(partitionId: number): StoredCompaction | null {
    return this.#states.get(partitionId) ?? null
  }

  set(partitionId: number, compaction: StoredCompaction): void {
    this.#states.set(partitionId, compaction)
  }

  clear(): void {
    this.#states = new Map()
  }
}
