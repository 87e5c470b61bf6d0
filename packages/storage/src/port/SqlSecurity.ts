import type * as Effect from "effect/Effect"
import type { StoredSecurity } from "./Security.ts"
import type { StoreError } from "./StoreError.ts"

/**
 * Rows of security that SQL sessions have changed. A change is told from when it is visible until it is `seen`: whoever
 * fails in between, or takes over, is told again. All fail while this is not the cluster's writer.
 */
export interface SqlSecurity {
  /** Changes that were not seen yet, by numbers of the backend's own: some of them, if they are very many. */
  readonly changes: Effect.Effect<ReadonlyArray<bigint>, StoreError>
  /** All rows: every change that was told before is in them. */
  readonly load: Effect.Effect<StoredSecurity, StoreError>
  readonly seen: (changes: ReadonlyArray<bigint>) => Effect.Effect<void, StoreError>
  /** Returns when there may be changes since `changes` was asked, or after so long. */
  readonly woken: (limitMs: number) => Effect.Effect<void, StoreError>
}
