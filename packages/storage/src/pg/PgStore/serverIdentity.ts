import * as Effect from "effect/Effect"
import { noted, UNKNOWN } from "../../port/counters.ts"
import type { ServerIdentity } from "../../port/CommitStore.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import { takeOverTexts } from "../sql/bundle.ts"

/** What a server may keep to itself: it refuses to tell, or has no such function. */
const SILENT = new Set(["42501", "42883", "0A000"])

/** One thing that the server says of itself. What looks like nothing we know is not kept. */
const says = (connection: PgConnection, expression: string): Effect.Effect<string, ConnectionError> =>
  connection.query(`select ${expression}`).pipe(
    Effect.map(([row]) => (/^[0-9A-Za-z]+$/.test(row?.[0] ?? "") ? row![0]! : UNKNOWN)),
    Effect.catchTag("PgError", (error) => (SILENT.has(error.code) ? Effect.succeed(UNKNOWN) : Effect.fail(error)))
  )

/**
 * Which server this is, on which history, and where the data lies in it: by the oids of the database and of a table, as a
 * restored dump has tables of its own. The timeline is read off the name of the file that is written now:
 * `pg_control_checkpoint()` tells the old one until the first checkpoint after a promotion.
 */
export const identifyServer = (connection: PgConnection): Effect.Effect<ServerIdentity, ConnectionError> =>
  Effect.gen(function* () {
    const systemIdentifier = yield* says(connection, "system_identifier from pg_control_system()")
    const timeline = yield* says(connection, "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
    const place = yield* says(
      connection,
      "d.oid || 'x' || c.oid from pg_database d, pg_class c where d.datname = current_database() and c.oid = 'kafka.cluster'::regclass"
    )
    return { systemIdentifier, timeline, place }
  })

/** Between the server's identifier and the place in it, in the one column that has both. */
const IN = "/"

/** What the columns have, null if nothing: an earlier Tusk, or a person, may have written the identifier alone. */
export const readIdentity = (column: string | null, timeline: string | null): ServerIdentity | null => {
  if (column === null || timeline === null) return null
  const [systemIdentifier = UNKNOWN, place = UNKNOWN] = column.split(IN)
  return { systemIdentifier, timeline, place }
}

export const writtenIdentity = ({ place, systemIdentifier }: ServerIdentity): string =>
  `${systemIdentifier}${IN}${place}`

/** What a database tells of its cluster while no broker of ours holds its lock. */
export interface FoundCluster {
  readonly clusterId: string
  /** Of the last take-over. */
  readonly epoch: number
  readonly server: ServerIdentity
}

/** A cluster and its server, as a take-over would find them now; undefined: there is no cluster. */
export const clusterIdentity = (connection: PgConnection): Effect.Effect<FoundCluster | undefined, ConnectionError> =>
  Effect.gen(function* () {
    const server = yield* identifyServer(connection)
    const [row] = yield* connection.query(takeOverTexts.LoadCounters)
    if (row === undefined) return undefined
    return {
      clusterId: row[0]!,
      epoch: Number(row[1]),
      server: noted(readIdentity(row[5] ?? null, row[6] ?? null), server)
    }
  })
