/** Where Tusk answers otherwise than Apache Kafka on purpose. */

/** Requests whose answers differ, and why; one that does not differ at all any more must not stand here. */
export interface Difference {
  /** Matches `API VERSION[, WHAT] by PRINCIPAL`. */
  readonly of: RegExp
  readonly why: string
}

export const DIFFERENCES: ReadonlyArray<Difference> = []
