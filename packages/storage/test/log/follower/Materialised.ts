/** Tables that follow topics, as tests look at them. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { PgConnection } from "../../../src/pg/connection/PgConnection.ts"
import type { TestDatabase } from "../../pg/TestDatabase.ts"
import { startFollowed } from "./FollowedBroker.ts"

/** A broker with topic "t", and a psql session. */
export const openMaterialised = Effect.fnUntraced(function* (database: TestDatabase, partitions = 1) {
  yield* database.empty
  const broker = yield* startFollowed(database, { following: new Set() })
  yield* broker.create("t", partitions)
  return { ...broker, psql: yield* database.psql() }
})

/** Waits until a table has come to an offset. */
export const reached = (psql: PgConnection, table: string, offset: number, partition = 0) =>
  Effect.flatMap(psql.query(`select kafka.await('${table}', ${partition}, ${offset}, '20 s')`), ([row]) =>
    row![0] === "t" ? Effect.void : Effect.die(new Error(`offset ${offset} is not in ${table} after 20 s`))
  )

/** Rows as lines; `-` is null. */
export const lines = (psql: PgConnection, sql: string) =>
  Effect.map(psql.query(sql), (all) => all.map((row) => row.map((value) => value ?? "-").join(" ")))

/** What a table of key and value holds. */
export const latest = (psql: PgConnection, table = "public.latest") =>
  lines(psql, `select key, value from ${table} order by key`)

/** Asks until there is a line: for what happens in the background. */
export const untilSome = (psql: PgConnection, sql: string) =>
  Effect.repeat(lines(psql, sql), {
    schedule: Schedule.spaced("20 millis"),
    until: (found) => found.length > 0
  }).pipe(Effect.timeout("20 seconds"))

/** Why partitions stand, once one does. */
export const whyItStands = (psql: PgConnection) =>
  untilSome(psql, `select partition, error_offset, error from kafka.materialised where stands_since is not null`)

export const refusal = (psql: PgConnection, sql: string) =>
  Effect.map(Effect.flip(psql.query(sql)), (error) => (error._tag === "PgError" ? error.code : error._tag))
