import type * as Effect from "effect/Effect"
import type { ErasedKey, FollowedStep, FollowerRows } from "./FollowerRows.ts"
import type { StoreError } from "./StoreError.ts"

/** How far a log is compacted, as far as it tells whether records went. */
export interface CompactedTo {
  readonly cleanedOffset: bigint
  readonly deleteHorizon: bigint
}

/** How far the rows of a partition have come. */
export interface UnpackedPosition {
  readonly partitionId: number
  readonly nextOffset: bigint
  /** How far its log is compacted, if that is not how its rows are. */
  readonly compacted: CompactedTo | undefined
}

/**
 * The built-in follower, of a backend that has SQL: each record of a topic with `tusk.sql.records` as a row. `begin` is for a
 * partition without rows, and `add` never refuses a record.
 */
export interface UnpackedRows extends FollowerRows {
  readonly positions: Effect.Effect<ReadonlyArray<UnpackedPosition>, StoreError>
  /** Partitions with rows and without a position: these rows are to go. */
  readonly leftOver: Effect.Effect<ReadonlyArray<number>, StoreError>
  /** Takes away the records of a key below an offset: the position has to be beyond it, so that none of them is added late. */
  readonly erase: (erased: ErasedKey) => Effect.Effect<void, StoreError>
  /** Takes rows within a step away that are not among its records. */
  readonly sift: (step: FollowedStep) => Effect.Effect<void, StoreError>
  /** The rows are as the log is that is compacted so far. */
  readonly noteCompaction: (partitionId: number, compacted: CompactedTo) => Effect.Effect<void, StoreError>
  /** Takes rows away, at most so many, of a partition that has no position; tells how many there were. */
  readonly clear: (partitionId: number, limit: number) => Effect.Effect<number, StoreError>
  /** Takes the oldest rows below an offset away, at most so many; tells how many there were. */
  readonly trim: (partitionId: number, below: bigint, limit: number) => Effect.Effect<number, StoreError>
}
