import * as Effect from "effect/Effect"
import type { Unit } from "../../port/Write.ts"
import { Fenced, OutcomeUnknown, StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError, PgError } from "../connection/ConnectionError.ts"
import { confirmed } from "./confirmed.ts"
import { encodeAppends, encodeCommit } from "./encodeCommit.ts"
import type { OffsetRows } from "./OffsetRows.ts"
import type { OffsetVacuum } from "./OffsetVacuum.ts"
import type { CommitRows, LastCommit, Witness } from "./Witness.ts"

/**
 * What Postgres refuses for what it says: values it cannot take, rows that may not be, more than it has room for, what a
 * trigger of the owner's throws. All else it cannot do now.
 */
const AT_FAULT = /^(0A|21|22|23|2F|38|39|42|44|54|P0)/
/** Of these, changes to the schema or its rights: no value is at fault if every statement is constant. */
const SCHEMA_AT_FAULT = new Set(["42501", "42703", "42883", "42P01"])

const DUPLICATE = "23505"
/** Keys that only the broker gives, each once. */
const OWN_KEYS = new Set(["batches_pkey", "offsets_pkey", "commits_pkey"])

/** Another session stored a key that memory would give again: it does not know all that is stored. */
const isBehind = ({ code, constraint }: PgError): boolean =>
  code === DUPLICATE && constraint !== undefined && OWN_KEYS.has(constraint)

const asRefusal = (error: PgError): StoreError => {
  const detail = error.detail === undefined ? "" : `: ${error.detail}`
  const message = `Postgres refused the commit: ${error.message}${detail} (${error.code})`
  return AT_FAULT.test(error.code) && !SCHEMA_AT_FAULT.has(error.code)
    ? new StoreRefused({ message, cause: error })
    : new StoreUnavailable({ message, cause: error })
}

/**
 * What a failed commit means, and what is to be remembered of it. One that was not sent has not begun:
 * what is remembered of the one before it stays.
 */
const failed = (error: ConnectionError, last: LastCommit): StoreError => {
  switch (error._tag) {
    case "NotSent":
      return new StoreRefused({ message: error.message, cause: error })
    case "PgError":
      if (!isBehind(error)) {
        last.settle()
        return asRefusal(error)
      }
      last.settle(false)
      return new OutcomeUnknown({ message: `memory is behind what is stored: ${error.detail}`, cause: error })
    case "ConnectionLost":
      return error.sent
        ? new OutcomeUnknown({ message: `the connection was lost during a commit: ${error.message}`, cause: error })
        : new Fenced({ message: `the session that held the cluster's lock is gone: ${error.message}` })
  }
}

/**
 * Stores appends beside the writer, in one transaction. Of a session that is gone before it was sent anything nothing is
 * known to be wrong with the reign.
 */
export const commitBeside = (
  session: PgConnection,
  units: ReadonlyArray<Unit>,
  epoch: number,
  last: LastCommit
): Effect.Effect<void, StoreError> =>
  Effect.suspend(() => {
    const stored = session.store((frame) => last.begin(encodeAppends(frame, units), epoch))
    return Effect.matchEffect(confirmed(session, stored), {
      onFailure: (error) => {
        const failure = failed(error, last)
        return Effect.fail(failure._tag === "Fenced" ? new StoreUnavailable({ message: failure.message }) : failure)
      },
      onSuccess: () => Effect.sync(() => last.settle())
    })
  })

/** What commits of one reign need. */
export interface CommitSession {
  readonly writer: PgConnection
  readonly epoch: number
  readonly offsetRows: OffsetRows
  readonly commitRows: CommitRows
}

/** Stores units in one transaction. Returns once its standbys have it, if the server has to wait for them. */
export const commit = (
  { commitRows, epoch, offsetRows, writer }: CommitSession,
  units: ReadonlyArray<Unit>,
  last: LastCommit,
  vacuum: OffsetVacuum
): Effect.Effect<void, StoreError> =>
  Effect.suspend(() => {
    const draft = offsetRows.draft()
    let witness: Witness | undefined
    const stored = writer.store((frame) => {
      witness = encodeCommit(frame, units, draft, commitRows)
      last.begin(witness, epoch)
    })
    return Effect.matchEffect(confirmed(writer, stored), {
      onFailure: (error) => Effect.fail(failed(error, last)),
      onSuccess: () => {
        last.settle()
        draft.settle()
        if (witness?._tag === "Row") commitRows.settle(witness.commitId)
        vacuum.superseded(draft.superseded)
        return Effect.void
      }
    })
  })
