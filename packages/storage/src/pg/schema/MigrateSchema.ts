import * as Effect from "effect/Effect"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { SchemaTooNew } from "../../port/StoreError.ts"
import { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { PgTarget } from "../options/PgOptions.ts"
import { install } from "./Migrations.ts"
import { stepsTaken, stepsToTake } from "./SchemaSteps.ts"
import { CLUSTER_LOCK } from "./SchemaVersion.ts"

type Failure = ConnectionError | StoreUnavailable | SchemaTooNew

/** The names of the steps that the schema of a database lacks, in order. */
export const missingSteps = (connection: PgConnection): Effect.Effect<ReadonlyArray<string>, Failure> =>
  Effect.flatMap(stepsTaken(connection), (taken) => {
    const steps = stepsToTake(taken)
    return "_tag" in steps ? Effect.fail(steps) : Effect.succeed(steps)
  })

/** Which session serves as the broker, for a person; undefined: none does. */
const servedBy = (connection: PgConnection): Effect.Effect<string | undefined, ConnectionError> =>
  Effect.map(
    connection.query(`select coalesce(nullif(a.application_name, ''), 'a session') || ' of user '
        || coalesce(a.usename, 'unknown') || ', Postgres process ' || l.pid
      from pg_locks l left join pg_stat_activity a on a.pid = l.pid
      where locktype = 'advisory' and classid = ${CLUSTER_LOCK[0]} and objid = ${CLUSTER_LOCK[1]} and objsubid = 2 and granted
        and database = (select oid from pg_database where datname = current_database())`),
    ([row]) => row?.[0] ?? undefined
  )

/**
 * Takes the steps that are missing, as the session's role, and returns their names. Refuses while a broker serves: it goes
 * by the schema as it was; and while another session takes steps.
 */
export const migrateSchema = (
  connection: PgConnection,
  target: PgTarget
): Effect.Effect<ReadonlyArray<string>, Failure> =>
  Effect.gen(function* () {
    const missing = yield* missingSteps(connection)
    if (missing.length === 0) return missing
    const broker = yield* servedBy(connection)
    if (broker !== undefined) {
      const message = `a broker serves (${broker}): stop it, then ${missing.join(", ")} can be taken`
      return yield* new StoreUnavailable({ message })
    }
    const beside = PgConnection.open(target, connection.endpoint, `${target.applicationName} migrations`)
    return yield* install(connection, target, beside, { waits: false })
  })

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Tables that a broker vacuums by itself: offsets, and what may have held what was erased. */
const VACUUMED = [
  ...["kafka.offsets", "kafka.batches", "kafka.unpacked", "kafka.outbox", "kafka.outbox_refused", "kafka.outbox_keys"],
  "kafka.erasure_requests"
]

/** Statements that give a role what a broker needs that does not own the schema. */
export const grantsTo = (
  connection: PgConnection,
  role: string
): Effect.Effect<ReadonlyArray<string>, ConnectionError> =>
  Effect.map(connection.query("select current_setting('server_version_num')::integer >= 170000"), ([row]) => {
    const to = `to ${quoted(role)}`
    return [
      `grant usage on schema kafka ${to}`,
      `grant select, insert, update, delete on all tables in schema kafka ${to}`,
      `grant execute on all functions in schema kafka ${to}`,
      // Before Postgres 17 only the owner may: autovacuum has to do.
      ...(row?.[0] === "t" ? [`grant maintain on ${VACUUMED.join(", ")} ${to}`] : [])
    ]
  })

/** Gives the role all of it, or nothing. */
export const grant = (
  connection: PgConnection,
  statements: ReadonlyArray<string>
): Effect.Effect<void, ConnectionError> =>
  Effect.asVoid(
    Effect.onError(connection.query(["begin", ...statements, "commit"].join("; ")), () =>
      Effect.ignore(connection.query("rollback"))
    )
  )
