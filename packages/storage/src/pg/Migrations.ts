import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { isIP } from "node:net"
import { SchemaTooNew, StoreUnavailable } from "../StoreError.ts"
import init from "./migrations/0001_init.ts"
import compaction from "./migrations/0002_compaction.ts"
import groupMembers from "./migrations/0003_group_members.ts"
import views from "./migrations/0005_views.ts"
import shareViews from "./migrations/0006_share_views.ts"
import offsetsById from "./migrations/0007_offsets_by_id.ts"
import failover from "./migrations/0008_failover.ts"
import type { Endpoint } from "./connection/Endpoint.ts"
import type { PgTarget } from "./PgOptions.ts"
import { SCHEMA_LOCK, SCHEMA_VERSION } from "./SchemaVersion.ts"

const migrations = {
  "0001_init": init,
  "0002_compaction": compaction,
  "0003_group_members": groupMembers,
  "0005_views": views,
  "0006_share_views": shareViews,
  "0007_offsets_by_id": offsetsById,
  "0008_failover": failover
}

const migrate = Effect.fnUntraced(function* (version: number) {
  const sql = yield* SqlClient
  // Two brokers that start at once: the second waits here, and then finds everything done.
  yield* sql`select pg_advisory_xact_lock(${SCHEMA_LOCK[0]}::int, ${SCHEMA_LOCK[1]}::int)`
  // "if not exists" would ask for the right to create schemas even where the schema is there.
  const [schema] = yield* sql<{ there: boolean }>`select to_regnamespace('kafka') is not null as there`
  if (schema?.there !== true) yield* sql`create schema kafka`
  const [table] = yield* sql<{ there: boolean }>`select to_regclass('kafka.migrations') is not null as there`
  if (table?.there === true) {
    const [last] = yield* sql<{ found: number | null }>`select max(migration_id) as found from kafka.migrations`
    const found = last?.found ?? 0
    if (found > version) return yield* new SchemaTooNew({ found, known: version })
    if (found === version) return
  }
  const steps = Object.fromEntries(Object.entries(migrations).filter(([name]) => Number.parseInt(name, 10) <= version))
  yield* Migrator.make({})({ loader: Migrator.fromRecord(steps), table: "kafka.migrations" })
})

const refused = (error: SqlError | Migrator.MigrationError): StoreUnavailable => {
  const inner = error._tag === "MigrationError" ? error.cause : error
  const reason = (inner as SqlError | undefined)?.reason?.cause
  const detail = reason instanceof Error ? reason.message : error.message
  return new StoreUnavailable({ message: `the schema kafka cannot be installed: ${detail}`, cause: error })
}

/** A certificate is a name's, and an address is dialled. */
const servername = ({ host, path }: Endpoint) => (path === undefined && isIP(host) === 0 ? { servername: host } : {})

/**
 * Installs schema `kafka`, or brings it up to this program's version: all or nothing, one installer at a time, as a
 * plain role that owns the schema or may create it. Does nothing where it is up to date.
 */
export const install = (
  target: PgTarget,
  endpoint: Endpoint,
  encrypted: boolean,
  /** An older one, for tests of what becomes of it. */
  version: number = SCHEMA_VERSION
): Effect.Effect<void, StoreUnavailable | SchemaTooNew> =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql.withTransaction(migrate(version))
  }).pipe(
    Effect.provide(
      PgClient.layer({
        ...(endpoint.path === undefined ? { host: endpoint.address } : { path: endpoint.path }),
        port: endpoint.port,
        database: target.database,
        username: target.user,
        password: target.password,
        // Whether there is TLS was found out by the connection that calls this.
        ssl: encrypted && target.ssl !== false ? { ...servername(endpoint), ...target.ssl } : false,
        applicationName: `${target.applicationName} migrations`,
        startupParameters: { search_path: "pg_catalog", client_min_messages: "error" },
        connectTimeout: target.connectTimeoutMs,
        maxConnections: 1
      })
    ),
    Effect.catchTags({
      SqlError: (error) => Effect.fail(refused(error)),
      MigrationError: (error) => Effect.fail(refused(error))
    })
  )
