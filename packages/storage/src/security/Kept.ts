import type { KafkaError } from "@tusk/protocol/KafkaError"
import type * as Effect from "effect/Effect"
import type { Participant } from "../commit/Participant.ts"

/** The rows after a change of those that are present, or why there is none. */
export type DecideRows<Row> = (present: ReadonlyMap<string, Row>) => ReadonlyMap<string, Row> | KafkaError

/** Rows that are few enough to be kept in memory, each by its key. Their values were validated by the caller. */
export interface Kept<Row> {
  /** By `keyOf`. The same object until something changes, so that what is derived from it can be cached by it. */
  readonly current: () => ReadonlyMap<string, Row>
  readonly keyOf: (row: Row) => string
  /**
   * Makes what `decide` gives the rows, by `keyOf`; what is not among them is taken away. It is asked when the commit is put
   * together, with the rows that this commit assumes, and may be asked again. One row more than the limit, or a key that
   * no index takes, is PolicyViolation.
   */
  readonly changing: (decide: DecideRows<Row>) => Participant<void>
  readonly change: (decide: DecideRows<Row>) => Effect.Effect<void, KafkaError>
  /** Calls after each change, also one that was made in SQL or found at a take-over; returns how to stop. */
  readonly onChange: (changed: () => void) => () => void
}
