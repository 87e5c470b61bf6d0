import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/** A part of a partition's log, for readers of committed records. */
export interface UnpackedStep {
  readonly partitionId: number
  /** Its first batch may begin below: records there are not meant. */
  readonly from: bigint
  readonly to: bigint
  /** All that is to be read in between, not compressed. */
  readonly batches: ReadonlyArray<Uint8Array>
}

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
 * Records as rows, in a backend that has SQL: each partition's up to a position, which moves with them. On a session of its
 * own, so that no commit waits. Like all of the store it fails while this is not the cluster's writer.
 */
export interface UnpackedRows {
  readonly positions: Effect.Effect<ReadonlyArray<UnpackedPosition>, StoreError>
  /** Undefined: the partition has none. */
  readonly position: (partitionId: number) => Effect.Effect<bigint | undefined, StoreError>
  /** Partitions with rows and without a position: these rows are to go. */
  readonly leftOver: Effect.Effect<ReadonlyArray<number>, StoreError>
  /** A position for a partition that has none, nor rows. */
  readonly begin: (partitionId: number, nextOffset: bigint) => Effect.Effect<void, StoreError>
  /** Adds the records of a step and moves the position from its begin to its end. False, and nothing: it is not there. */
  readonly add: (step: UnpackedStep) => Effect.Effect<boolean, StoreError>
  /** Takes rows within a step away that are not among its records. */
  readonly sift: (step: UnpackedStep) => Effect.Effect<void, StoreError>
  /** The rows are as the log is that is compacted so far. */
  readonly noteCompaction: (partitionId: number, compacted: CompactedTo) => Effect.Effect<void, StoreError>
  /** Takes the oldest rows below an offset away, at most so many; tells how many there were. */
  readonly trim: (partitionId: number, below: bigint, limit: number) => Effect.Effect<number, StoreError>
  /** Takes the position away: nobody reads the rows any more. */
  readonly end: (partitionId: number) => Effect.Effect<void, StoreError>
}
