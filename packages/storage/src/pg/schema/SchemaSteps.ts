import * as Effect from "effect/Effect"
import { SchemaTooNew, StoreUnavailable } from "../../port/StoreError.ts"
import type { PgConnection, TextRows } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { MIGRATIONS, SCHEMA_VERSION, stepOf } from "./SchemaVersion.ts"
import type { MigrationName } from "./SchemaVersion.ts"

/** Steps that are not taken yet, in order; or why this program can do nothing with the schema. */
export const stepsToTake = (
  rows: TextRows,
  version: number = SCHEMA_VERSION
): ReadonlyArray<MigrationName> | SchemaTooNew | StoreUnavailable => {
  const known = MIGRATIONS.filter((name) => stepOf(name).id <= version)
  const taken = new Set(rows.map(([id, name]) => `${id} ${name}`))
  const found = rows.reduce((highest, [id]) => Math.max(highest, Number(id)), 0)
  if (found > version) return new SchemaTooNew({ found, known: version })
  const keyOf = (migration: MigrationName) => `${stepOf(migration).id} ${stepOf(migration).name}`
  const unknown = Array.from(taken).find((key) => !known.some((migration) => keyOf(migration) === key))
  if (unknown !== undefined) {
    const message = `the schema has taken a step that this program does not know: ${unknown}`
    return new StoreUnavailable({ message: `${message}; start the Tusk that made it` })
  }
  return known.filter((migration) => !taken.has(keyOf(migration)))
}

/** The steps that a database has taken; none if there is no schema. */
export const stepsTaken = (connection: PgConnection): Effect.Effect<TextRows, ConnectionError> =>
  Effect.flatMap(connection.query("select to_regclass('kafka.migrations') is not null"), ([there]) =>
    there?.[0] === "t" ? connection.query("select migration_id, name from kafka.migrations") : Effect.succeed([])
  )
