import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/** A key of which all records are to go. */
export interface ErasureRequest {
  readonly erasureId: bigint
  readonly key: Uint8Array
}

/** How far the log of a partition is. */
export interface ErasureProgress {
  readonly partitionId: number
  /** Nothing that is to go lies below. */
  readonly nextOffset: bigint
  /** Where the log ended at the moment of the pass: what lies behind was sent later. */
  readonly endOffset: bigint
  /** Records that went so far: a number for each request of the pass, in their order. */
  readonly records: ReadonlyArray<number>
  /** Bytes of the batches in which they lay. */
  readonly bytes: bigint
}

/** Requests for one topic that are carried out in one walk over its log, as of one moment. */
export interface ErasurePass {
  readonly passId: bigint
  readonly topicId: string
  /** Partitions that the topic had when this was asked: what has to be gone if the topic is deleted. */
  readonly partitionIds: ReadonlyArray<number>
  /** In order of their ids. */
  readonly requests: ReadonlyArray<ErasureRequest>
  /** Undefined: its moment is to come. */
  readonly partitions: ReadonlyArray<ErasureProgress> | undefined
  /** Sees the requests, and all that was committed before them. Opaque. */
  readonly snapshot: string
}

/** A step of a pass over the log of a partition that is stored: from where the one before ended. */
export interface ErasureStep {
  readonly partitionId: number
  readonly from: bigint
  readonly to: bigint
  /** Records that went with it, a number for each request of the pass. */
  readonly records: ReadonlyArray<number>
  readonly bytes: number
}

/**
 * What SQL sessions asked to be erased, and how far that is. Requests for a topic that wait are taken together. Nothing of
 * it lies in the way of commits. All fail while this is not the cluster's writer.
 */
export interface Erasures {
  /** Ids of topics for which something is to be erased. */
  readonly topics: Effect.Effect<ReadonlyArray<string>, StoreError>
  /** Returns when there may be more than `topics` told, or after so long. */
  readonly woken: (limitMs: number) => Effect.Effect<void, StoreError>
  /** The topic's pass that is under way, else a new one for requests that wait; undefined: there are none. */
  readonly pass: (topicId: string) => Effect.Effect<ErasurePass | undefined, StoreError>
  /** Whether records of SQL sessions for these partitions that the pass's snapshot sees are still to come into the log. */
  readonly isAwaited: (pass: ErasurePass, partitionIds: ReadonlyArray<number>) => Effect.Effect<boolean, StoreError>
  /** Takes such records away, of the pass's keys. What the broker appends meanwhile is in the log then. */
  readonly discard: (pass: ErasurePass, partitionIds: ReadonlyArray<number>) => Effect.Effect<void, StoreError>
  /** The pass has its moment: up to these offsets its keys go. What SQL sessions sent and the log refused goes at once. */
  readonly begin: (
    pass: ErasurePass,
    ends: ReadonlyArray<{ readonly partitionId: number; readonly endOffset: bigint }>
  ) => Effect.Effect<void, StoreError>
  /** Notes a step that is stored. False, and nothing: progress is not where the step began. */
  readonly advance: (pass: ErasurePass, step: ErasureStep) => Effect.Effect<boolean, StoreError>
  /**
   * Takes rows of the pass's keys away that the built-in follower has kept of a partition (`kafka.unpacked`): from an offset
   * on, below another, as many as go at once. Tells where to go on; undefined: they are all gone.
   */
  readonly rows: (
    pass: ErasurePass,
    range: { readonly partitionId: number; readonly from: bigint; readonly below: bigint }
  ) => Effect.Effect<bigint | undefined, StoreError>
  /** Lets SQL know what the pass waits for; undefined: nothing. */
  readonly tell: (pass: ErasurePass, waitsFor: string | undefined) => Effect.Effect<void, StoreError>
  /** All is gone: of the keys a hash is left. */
  readonly finish: (pass: ErasurePass) => Effect.Effect<void, StoreError>
  /** Gives free what was erased, if that was asked for and has not happened yet. Takes as long as the tables are large. */
  readonly vacuum: Effect.Effect<void, StoreError>
}
