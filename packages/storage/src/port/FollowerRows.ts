import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/** A part of a partition's log, for readers of committed records. */
export interface FollowedStep {
  readonly partitionId: number
  /** Its first batch may begin below: records there are not meant. */
  readonly from: bigint
  readonly to: bigint
  /** All that is to be read in between, not compressed. */
  readonly batches: ReadonlyArray<Uint8Array>
}

/** What came of a step. */
export interface Added {
  /** Where the position is now: the step's end, or the record that does not fit. */
  readonly nextOffset: bigint
  /** Why it is not the step's end. Stored with the position. */
  readonly refusal?: string
}

/** Records of a key that are to go: those of a partition below an offset. */
export interface ErasedKey {
  readonly partitionId: number
  readonly key: Uint8Array
  readonly below: bigint
}

/**
 * What one follower keeps of the records of partitions, up to a position in each, which moves with it in one transaction. On a
 * session of its own, so that no commit waits. Like all of the store it fails while this is not the cluster's writer.
 */
export interface FollowerRows {
  /** Undefined: the partition has none. */
  readonly position: (partitionId: number) => Effect.Effect<bigint | undefined, StoreError>
  /** A position for a partition that has none. */
  readonly begin: (partitionId: number, nextOffset: bigint) => Effect.Effect<void, StoreError>
  /** Adds the records of a step and moves the position from its begin to its end. Undefined, and nothing: it is not there. */
  readonly add: (step: FollowedStep) => Effect.Effect<Added | undefined, StoreError>
  /**
   * Takes away what is kept of the records of a key below an offset. `since`: all between that offset and the position, with
   * its batches: what is kept of these stays. It is empty, from and to the position, where that is not beyond the offset.
   * False, and nothing: the position is not its end.
   */
  readonly erase: (erased: ErasedKey, since: FollowedStep) => Effect.Effect<boolean, StoreError>
  /** Takes the position away: what is kept is followed no more. */
  readonly end: (partitionId: number) => Effect.Effect<void, StoreError>
}
