import type * as Effect from "effect/Effect"
import type { ObjectPointer } from "./StoredBatch.ts"
import type { StoreError } from "./StoreError.ts"

/** An object whose batches may be put together with those of others. */
export interface MergeableObject {
  readonly objectId: bigint
  readonly bytes: number
  /** A batch lay in it of which records were erased. */
  readonly erased: boolean
}

/** Which objects may be merged, of those that are not yet. */
export interface MergeableWhich {
  /** Put before this time, in milliseconds: what waits for its commit may point to younger ones. */
  readonly before: bigint
  /** Smaller than this, in bytes. */
  readonly below: number
}

/** What is still of use in an object that is not merged for its size. */
export interface ObjectUse {
  readonly objectId: bigint
  readonly bytes: number
  /** Of batches that lie in it. */
  readonly usedBytes: number
}

/** A batch that lies in an object. */
export interface PointedBatch extends ObjectPointer {
  readonly partitionId: number
  readonly objectId: bigint
}

/** Objects, for whoever moves what lies in them. */
export interface MergeReads {
  /**
   * At most `limit` objects: those in which erased records lie, then those that are not merged and are such as asked for, in
   * order of ids. None that is known to be unused.
   */
  readonly mergeable: (
    which: MergeableWhich,
    limit: number
  ) => Effect.Effect<ReadonlyArray<MergeableObject>, StoreError>
  /**
   * At most `limit` objects behind an id in which a batch lies, and that are no smaller than such or merged, and as old, in order
   * of ids. Costs what lies in them.
   */
  readonly uses: (
    after: bigint,
    which: MergeableWhich,
    limit: number
  ) => Effect.Effect<ReadonlyArray<ObjectUse>, StoreError>
  /** At most `limit` of the batches that lie in these objects, in order of partition and offset. */
  readonly batchesIn: (
    objectIds: ReadonlyArray<bigint>,
    limit: number
  ) => Effect.Effect<ReadonlyArray<PointedBatch>, StoreError>
  /** The bytes of such batches, in their order, as they lie on the wire. */
  readonly bytesOf: (batches: ReadonlyArray<PointedBatch>) => Effect.Effect<ReadonlyArray<Uint8Array>, StoreError>
}
