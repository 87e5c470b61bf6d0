import { connect } from "@tusk/storage/pg/connection/connect"
import type { ConnectionError } from "@tusk/storage/pg/connection/ConnectionError"
import type { PgConnection } from "@tusk/storage/pg/connection/PgConnection"
import type { PgTarget } from "@tusk/storage/pg/options/PgOptions"
import type { StoreUnavailable } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import type { Finding, Verdict } from "./Finding.ts"

export const APPLICATION = "tusk/doctor"

/** The database under examination: a session, which is opened anew if it was lost. */
export class Patient {
  readonly target: PgTarget
  #connection: PgConnection

  constructor(target: PgTarget, connection: PgConnection) {
    this.target = target
    this.#connection = connection
  }

  get connection(): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.suspend(() =>
      this.#connection.lostBecause === undefined
        ? Effect.succeed(this.#connection)
        : Effect.tap(connect(this.target, APPLICATION), (opened) =>
            Effect.sync(() => {
              this.#connection = opened
            })
          )
    )
  }

  leave(): void {
    this.#connection.leave()
  }

  /** Breaks off what it is asked now. */
  cutOff(): void {
    this.#connection.destroy()
  }

  /** The rows of one SELECT as objects, read only, within so many milliseconds. */
  rows<Row>(sql: string, limitMs: number): Effect.Effect<ReadonlyArray<Row>, ConnectionError> {
    return Effect.flatMap(this.connection, (connection) =>
      connection
        .query(
          `begin read only; set local statement_timeout = ${limitMs}; set local lock_timeout = ${limitMs}; ` +
            `select row_to_json(t) from (${sql}) t; rollback`
        )
        .pipe(
          Effect.map((rows) => rows.map(([row]) => JSON.parse(row!) as Row)),
          Effect.tapError(() => Effect.ignore(connection.query("rollback")))
        )
    )
  }
}

/** A look at one thing, and what is thought of it. */
export interface Check {
  readonly name: string
  readonly look: (patient: Patient) => Effect.Effect<ReadonlyArray<Verdict>, ConnectionError | StoreUnavailable>
}

/** Each check on its own. */
export const CHECK_LIMIT_MS = 5000
/** What a server that does not answer at all is given beyond that. */
const SILENCE_MS = 1000

/** A check that is one SELECT; `judge` is pure. */
export const sqlCheck = <Row>(
  name: string,
  sql: string,
  judge: (rows: ReadonlyArray<Row>) => ReadonlyArray<Verdict>
): Check => ({ name, look: (patient) => Effect.map(patient.rows<Row>(sql, CHECK_LIMIT_MS), judge) })

/** What could not be found out is a finding, too. */
const blind = (message: string): Verdict => ({
  severity: "info",
  seen: `could not look: ${message}`,
  why: "what this check would tell is not known",
  remedy: /permission denied|must be superuser|privileges/.test(message) ? "grant pg_monitor to this role" : ""
})

/** Runs a check within its time. Never fails. */
export const examine = (patient: Patient, { look, name }: Check): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.timeoutOrElse(look(patient), {
    duration: CHECK_LIMIT_MS + SILENCE_MS,
    orElse: () => {
      patient.cutOff()
      return Effect.succeed([{ ...blind("no answer in time"), severity: "warning" as const }])
    }
  }).pipe(
    Effect.catch(({ message }) => Effect.succeed([blind(message)])),
    Effect.catchDefect((defect) => Effect.succeed([blind(String(defect))])),
    Effect.map((verdicts) => verdicts.map((verdict) => ({ check: name, ...verdict })))
  )
