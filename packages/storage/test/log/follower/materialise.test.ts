import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { PgConnection } from "../../../src/pg/connection/PgConnection.ts"
import { terminateWriter } from "../../pg/Stores.ts"
import { TestDatabase } from "../../pg/TestDatabase.ts"
import { startFollowed } from "./FollowedBroker.ts"

const database = new TestDatabase()

/** A broker with topic "t", and a psql session. */
const open = Effect.fnUntraced(function* (partitions = 1) {
  yield* database.empty
  const broker = yield* startFollowed(database, { following: new Set() })
  yield* broker.create("t", partitions)
  return { ...broker, psql: yield* database.psql() }
})

/** Waits until a table has come to an offset. */
const reached = (psql: PgConnection, table: string, offset: number, partition = 0) =>
  Effect.flatMap(psql.query(`select kafka.await('${table}', ${partition}, ${offset}, '15 s')`), ([row]) =>
    row![0] === "t" ? Effect.void : Effect.die(new Error(`offset ${offset} is not in ${table} after 15 s`))
  )

const rows = (psql: PgConnection, sql: string) =>
  Effect.map(psql.query(sql), (all) => all.map((row) => row.map((value) => value ?? "-").join(" ")))

const latest = (psql: PgConnection, table = "public.latest") => rows(psql, `select key, value from ${table} order by key`)

describe("kafka.materialise", () => {
  it.live("keeps the latest value of each key, and what is deleted goes", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* append("t", ['a={"n": 1}', 'b={"n": 2}'])
      expect(yield* psql.query("select kafka.materialise('t', 'public.latest')")).toEqual([["public.latest"]])
      yield* look
      yield* reached(psql, "latest", 1)
      expect(yield* latest(psql)).toEqual(['a {"n": 1}', 'b {"n": 2}'])
      yield* append("t", ['a={"n": 3}', "b=", 'c={"n": 4}', 'c={"n": 5}'], {})
      yield* reached(psql, "public.latest", 5)
      expect(yield* latest(psql)).toEqual(['a {"n": 3}', 'c {"n": 5}'])
      expect(yield* rows(psql, "select partition, next_offset, end_offset, lag, error from kafka.materialised")).toEqual([
        "0 6 6 0 -"
      ])
    }).pipe(Effect.scoped)
  )

  it.live("goes on after the lock was lost and taken again", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* psql.query("select kafka.materialise('t', 'public.latest')")
      yield* append("t", ["a=1"])
      yield* look
      yield* reached(psql, "latest", 0)
      yield* terminateWriter(psql)
      yield* Effect.eventually(
        Effect.flatMap(append("t", ["a=2"]), ([result]) =>
          "baseOffset" in result! ? Effect.void : Effect.fail("not yet")
        )
      )
      yield* reached(psql, "latest", 1)
      expect(yield* latest(psql)).toEqual(["a 2"])
    }).pipe(Effect.scoped)
  )
})
