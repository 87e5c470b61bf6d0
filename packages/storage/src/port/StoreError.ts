import * as Data from "effect/Data"

/** The session that held the cluster's lock is gone: nothing of this commit was or will be stored by it. */
export class Fenced extends Data.TaggedError("Fenced")<{ readonly message: string }> {}

/** The backend refuses what is to be stored, however often it is asked; nothing of this commit was stored. */
export class StoreRefused extends Data.TaggedError("StoreRefused")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/**
 * The backend cannot do it now, or could not be asked; nothing of this commit was stored. `ofObject`: an object is why, and what
 * lies elsewhere can be read.
 */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{
  readonly message: string
  readonly cause?: unknown
  readonly ofObject?: true
}> {}

/**
 * The connection was lost between sending a commit and its answer, or memory is behind what is stored: it happened, or will
 * yet, or never. The next `acquire` tells.
 */
export class OutcomeUnknown extends Data.TaggedError("OutcomeUnknown")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** Another live session holds the cluster's lock. `holder` names it for a person. */
export class LockHeld extends Data.TaggedError("LockHeld")<{ readonly holder: string }> {
  override get message(): string {
    return `another Tusk serves this database: ${this.holder}`
  }
}

/** The schema in the database was made by a newer program. */
export class SchemaTooNew extends Data.TaggedError("SchemaTooNew")<{
  readonly found: number
  readonly known: number
}> {
  override get message(): string {
    return `the database's schema is at version ${this.found}, this program knows ${this.known}: start a newer Tusk`
  }
}

/** What a backend may answer while it serves. Mapped to `KafkaError` at the services' edge, never seen by a client. */
export type StoreError = Fenced | StoreRefused | StoreUnavailable | OutcomeUnknown

/** What a backend may answer while it is opened. */
export type AcquireError = StoreError | LockHeld | SchemaTooNew
