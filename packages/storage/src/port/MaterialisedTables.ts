import type * as Effect from "effect/Effect"
import type { ErasedKey, FollowedStep, FollowerRows } from "./FollowerRows.ts"
import type { StoreError } from "./StoreError.ts"

/** A table that holds the latest value of each key of a topic. */
export interface MaterialisedTable {
  /** Given once: a table that is materialised anew has another. */
  readonly id: number
  /** As SQL has it: `public.orders_latest`. */
  readonly name: string
  readonly topic: string
  /** The topic whose records the rows are, by its id; undefined: there are none yet. Another of that name begins anew. */
  readonly topicId: string | undefined
}

/** The rows of one table. A step that adds has ended whatever was noted of its partition. */
export interface MaterialisedRows extends FollowerRows {
  /**
   * Takes away what is kept of the records of a key below an offset. `since`: all between that offset and the position, with
   * its batches: what is kept of these stays. It is empty, from and to the position, where that is not beyond the offset.
   * False, and nothing: the position is not its end, or not in the version that it had before the batches were read.
   */
  readonly erase: (erased: ErasedKey, since: FollowedStep, version: bigint) => Effect.Effect<boolean, StoreError>
  /**
   * Takes rows away, at most so many, and with the first of them all positions; tells how many rows there were. Undefined, and
   * nothing: they are not those of this topic, as another broker has begun anew.
   */
  readonly clear: (topicId: string | undefined, limit: number) => Effect.Effect<number | undefined, StoreError>
  /** Rows are of another topic from now on. False, and nothing: they were not those of the former one. */
  readonly belongTo: (former: string | undefined, topicId: string) => Effect.Effect<boolean, StoreError>
  /** Notes why a partition does not go on, for `kafka.materialised`. */
  readonly stands: (partitionId: number, message: string) => Effect.Effect<void, StoreError>
}

/** Tables of users that follow topics, in a backend that has SQL. */
export interface MaterialisedTables {
  /** All there are, in order of their ids. A read like others: no session is opened for it. */
  readonly all: Effect.Effect<ReadonlyArray<MaterialisedTable>, StoreError>
  /** On sessions beside all others, so many at most: what holds one table up holds up no other. */
  readonly rowsOf: (id: number) => MaterialisedRows
}
