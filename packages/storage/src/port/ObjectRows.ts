import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"
import type { StoredObject } from "./Write.ts"

/** An object as its row has it. */
export interface ObjectRow extends StoredObject {
  /** Since when no batch points to it, in milliseconds; null: that was not noted. */
  readonly unusedSince: bigint | null
}

/** The same, and whether a batch points to it now. */
export interface UsedObject extends ObjectRow {
  readonly isUsed: boolean
}

/** A batch whose bytes lie in an object, as its row has it. */
export interface PointedBatch {
  readonly partitionId: number
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly position: number
  readonly bytes: number
}

/** Behind which batch of an object to go on. */
export type PointedPlace = Pick<PointedBatch, "position" | "partitionId" | "baseOffset">

/** Objects that are known, and those that wait to be removed. */
export interface ObjectTotals {
  readonly objects: number
  readonly bytes: number
  readonly unusedObjects: number
  readonly unusedBytes: number
}

/** What a backend tells of the objects that it knows. Reads, as those of `Store`: bounded by their limits. */
export interface ObjectRows {
  /** The time by the clock of the backend's server, in milliseconds; undefined: it has none but this process'. */
  readonly nowMs: Effect.Effect<number | undefined, StoreError>
  /**
   * Objects that are not noted as unused, in order of ids behind `after`: at most `limit` are looked at, and all of them told.
   * Fewer than `limit`: there are no more.
   */
  readonly inUse: (after: bigint, limit: number) => Effect.Effect<ReadonlyArray<UsedObject>, StoreError>
  /** Objects that are noted as unused since before `before` and to which no batch points, the longest unused first. */
  readonly unused: (before: bigint, limit: number) => Effect.Effect<ReadonlyArray<ObjectRow>, StoreError>
  /** Which of these names are known. */
  readonly known: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, StoreError>
  /** All objects, in order of the bytes of their names, behind `after` ("" for the first). */
  readonly byName: (after: string, limit: number) => Effect.Effect<ReadonlyArray<UsedObject>, StoreError>
  /** Batches that point to an object, in order of their places in it, behind `after`. */
  readonly batchesOf: (
    objectId: bigint,
    after: PointedPlace | undefined,
    limit: number
  ) => Effect.Effect<ReadonlyArray<PointedBatch>, StoreError>
  /** Ids to which batches point, in order behind `after`, each with whether there is such an object. */
  readonly pointedIds: (
    after: bigint,
    limit: number
  ) => Effect.Effect<ReadonlyArray<{ readonly objectId: bigint; readonly isKnown: boolean }>, StoreError>
  /** Looks at every object's row. */
  readonly totals: Effect.Effect<ObjectTotals, StoreError>
}
