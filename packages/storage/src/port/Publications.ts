import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/** What became of a step of a snapshot. */
export interface PublicationStep {
  /**
   * `running`: there are more rows. `waits`: the outbox holds too much. `locked`: a transaction had a row, or the table, and
   * nothing was done. `gone`: there is no such snapshot any more.
   */
  readonly state: "running" | "done" | "waits" | "locked" | "gone"
  readonly rows: number
  /** Of their values. */
  readonly bytes: number
}

export interface PublicationState {
  readonly publicationId: number
  /** Rows that were there before it began are still to be read. */
  readonly reads: boolean
}

/**
 * Tables that are published as topics (`kafka.publish_table`): their triggers write to the outbox without the broker, which
 * reads the rows that were there before, and looks after tables that were changed. On a session of its own. Like all of the
 * store it fails while this is not the cluster's writer.
 */
export interface Publications {
  /** Whether any table is published: a read as others. */
  readonly any: Effect.Effect<boolean, StoreError>
  /** Brings all of them up to date with their tables. */
  readonly tend: Effect.Effect<ReadonlyArray<PublicationState>, StoreError>
  /** Reads the next rows, at most so many, in one transaction. `room`: of rows in the outbox, beyond which it waits. */
  readonly step: (publicationId: number, most: number, room: number) => Effect.Effect<PublicationStep, StoreError>
  /** Notes why a snapshot does not go on. */
  readonly failed: (publicationId: number, reason: string) => Effect.Effect<void, StoreError>
}
