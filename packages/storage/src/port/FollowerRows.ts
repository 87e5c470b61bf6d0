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

/** How far a follower is in a partition. */
export interface FollowerPosition {
  /** All below is there. */
  readonly nextOffset: bigint
  /**
   * Another one with each write: that a statement is carried out late, after its session was lost, shows although the position
   * is at the same offset again, or still, as after an erasure.
   */
  readonly version: bigint
}

/** What came of a step: the position is at its end now, or at the record that does not fit. */
export interface Added extends FollowerPosition {
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
  readonly position: (partitionId: number) => Effect.Effect<FollowerPosition | undefined, StoreError>
  /** A position for a partition that has none. */
  readonly begin: (partitionId: number, nextOffset: bigint) => Effect.Effect<void, StoreError>
  /**
   * Adds the records of a step and moves the position from its begin to its end. Undefined, and nothing: it is not there, or
   * not in the version that it had before the step was read.
   */
  readonly add: (step: FollowedStep, version: bigint) => Effect.Effect<Added | undefined, StoreError>
  /** Takes the position away: what is kept is followed no more. */
  readonly end: (partitionId: number) => Effect.Effect<void, StoreError>
}
