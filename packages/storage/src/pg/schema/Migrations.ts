import * as Effect from "effect/Effect"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { SchemaTooNew } from "../../port/StoreError.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { tellingWhoBlocks } from "./LockWaits.ts"
import type { PgTarget } from "../options/PgOptions.ts"
import { stepsTaken, stepsToTake } from "./SchemaSteps.ts"
import { SCHEMA_LOCK, SCHEMA_VERSION, stepOf } from "./SchemaVersion.ts"
import { migrations } from "../sql/bundle.ts"

/** Of the transaction alone. Steps over much data take their time: only the broker itself waits for them. */
const SETTINGS = ["statement_timeout = 0", "enable_seqscan = on", "enable_bitmapscan = on", "enable_hashjoin = on"]
  .concat("enable_mergejoin = on", "plan_cache_mode = auto")
  .map((setting) => `set local ${setting}`)
  .join(";")

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Which role has to do what, for a role that may not. */
const remedyFor = (
  connection: PgConnection,
  target: PgTarget,
  missing: ReadonlyArray<string>
): Effect.Effect<string, ConnectionError> =>
  Effect.map(
    connection.query(`select pg_get_userbyid(nspowner), current_user from pg_namespace where nspname = 'kafka'
      union all select null, current_user limit 1`),
    ([row]) => {
      const user = row?.[1] ?? target.user
      const owner = row?.[0] ?? undefined
      if (owner === undefined) {
        return `as the database's owner, once: grant create on database ${quoted(target.database)} to ${quoted(user)}`
      }
      if (owner === user) return `its tables have to belong to ${quoted(user)}, as the schema does`
      const steps = missing.length === 0 ? "" : `, which takes ${missing.join(", ")}`
      return `the schema belongs to ${quoted(owner)}: run tusk migrate --grant-to ${quoted(user)} as that role${steps}`
    }
  )

/** How far an installer came. */
interface Progress {
  readonly missing: ReadonlyArray<string>
  readonly step: string | undefined
  readonly blocker: string | undefined
}

/** The first cause, and what to do about it. */
const refused = (
  connection: PgConnection,
  target: PgTarget,
  error: ConnectionError,
  { blocker, missing, step }: Progress
): Effect.Effect<StoreUnavailable> =>
  Effect.gen(function* () {
    const what =
      step === undefined
        ? `the schema ${target.schema} cannot be installed`
        : `the schema ${target.schema} cannot take step ${step}`
    const fail = (message: string) => new StoreUnavailable({ message: `${what}: ${message}`, cause: error })
    if (error._tag !== "PgError") return fail(error.message)
    switch (error.code) {
      case "42501": {
        const remedy = yield* Effect.orElseSucceed(remedyFor(connection, target, missing), () => "a grant is missing")
        return fail(`${error.message}; ${remedy}`)
      }
      case "55P03":
        return fail(
          `it waited ${target.lockTimeoutMs} ms for ${blocker ?? "a lock that another session holds"}; ` +
            "end what that session does, and start again"
        )
      case "25006":
        return fail(`${error.message}; give Tusk the address of the server that writes`)
      default:
        return fail(`${error.message} (${error.code})`)
    }
  })

/** How the schema is installed. */
export interface InstallOptions {
  /** An older one, for tests of what becomes of it. */
  readonly version?: number | undefined
  /** Whether another installer is waited for; else it is told. True if not given. */
  readonly waits?: boolean
}

/**
 * Installs schema `kafka`, or takes the steps that are missing, by name and in order: all or nothing, one installer at a
 * time, as a plain role that owns the schema or may create it. Does nothing if it is up to date. In a session with our
 * own settings, as those of a role, a database or a pooler may be anything. Returns the steps that it took.
 */
export const install = (
  connection: PgConnection,
  target: PgTarget,
  /** One more session with the same server, which sees for which session this one waits. */
  beside: Effect.Effect<PgConnection, ConnectionError>,
  { version = SCHEMA_VERSION, waits = true }: InstallOptions = {}
): Effect.Effect<ReadonlyArray<string>, StoreUnavailable | SchemaTooNew> =>
  Effect.gen(function* () {
    let progress: Progress = { missing: [], step: undefined, blocker: undefined }
    const told = (blocker: string) => {
      progress = { ...progress, blocker }
    }
    const run = (sql: string) => connection.queryStoring(sql)
    const migrate = Effect.gen(function* () {
      yield* run(`begin; ${SETTINGS}`)
      // Two brokers that start at once: the second waits here, and then finds everything done.
      const lock = waits ? "pg_advisory_xact_lock" : "pg_try_advisory_xact_lock"
      const [locked] = yield* connection.query(`select ${lock}(${SCHEMA_LOCK[0]}, ${SCHEMA_LOCK[1]})`)
      if (locked?.[0] === "f")
        return yield* new StoreUnavailable({ message: "another Tusk takes steps of the schema just now" })
      const [schema] = yield* connection.query("select to_regnamespace('kafka') is not null")
      // "if not exists" would ask for the right to create schemas even if the schema is there.
      if (schema?.[0] !== "t") yield* run("create schema kafka")
      const [table] = yield* connection.query("select to_regclass('kafka.migrations') is not null")
      if (table?.[0] !== "t") {
        yield* run(`create table kafka.migrations (
          migration_id integer primary key, created_at timestamptz not null default now(), name text not null)`)
      }
      const steps = stepsToTake(yield* stepsTaken(connection), version)
      if ("_tag" in steps) return yield* steps
      for (const migration of steps) {
        progress = { ...progress, missing: steps, step: migration }
        const { id, name } = stepOf(migration)
        yield* run(migrations[migration])
        yield* run(`insert into kafka.migrations (migration_id, name) values (${id}, '${name}')`)
      }
      yield* run("commit")
      return steps
    })
    const undone = Effect.ignore(connection.query("rollback"))
    return yield* tellingWhoBlocks(connection, beside, told, migrate).pipe(
      Effect.onExit((exit) => (exit._tag === "Failure" ? undone : Effect.void)),
      Effect.catchTags({
        PgError: (error) => Effect.flatMap(refused(connection, target, error, progress), Effect.fail),
        ConnectionLost: (error) => Effect.flatMap(refused(connection, target, error, progress), Effect.fail),
        NotSent: (error) => Effect.flatMap(refused(connection, target, error, progress), Effect.fail)
      })
    )
  })
