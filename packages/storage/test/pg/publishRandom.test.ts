import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { openPublishing } from "./PublishedTables.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const IDS = 60
/** Transactions of each session, and more if it has to wait for the reader. */
const LEAST = 120

/** The same numbers for the same seed. */
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const statement = (pick: (below: number) => number, i: number): string => {
  const [a, b] = [pick(IDS), pick(IDS)]
  switch (pick(6)) {
    case 0:
      return `insert into public.orders values (${a}, 'n${i}') on conflict (id) do update set note = excluded.note`
    case 1:
      return `delete from public.orders where id = ${a}`
    case 2:
      return `update public.orders set id = ${a} where id = ${b} and not exists (select from public.orders where id = ${a})`
    case 3:
      return `update public.orders set note = note || '.' where id between ${a} and ${a + 3}`
    case 4:
      return `delete from public.orders where id in (${a}, ${b}); insert into public.orders values (${a}, 'a${i}') on conflict do nothing`
    default:
      return `update public.orders set note = 'u${i}' where id = ${a}`
  }
}

/** Transactions that commit, roll back in part, or are refused as one that meets another may be; until the table is read. */
const works = (session: PgConnection, seed: number, isRead: () => boolean) =>
  Effect.gen(function* () {
    const pick = random(seed)
    for (let i = 0; i < LEAST || !isRead(); i++) {
      const parts = [`begin`, statement(pick, i)]
      if (pick(3) === 0) parts.push("savepoint s", statement(pick, i), pick(2) === 0 ? "rollback to s" : "release s")
      if (pick(2) === 0) parts.push(statement(pick, i))
      parts.push(pick(8) === 0 ? "rollback" : "commit")
      yield* session.query(parts.join("; ")).pipe(Effect.catch(() => session.query("rollback")))
    }
  })

/** Steps of a few rows until there are none, each tried again where a row is locked. */
const reads = (session: PgConnection) =>
  Effect.gen(function* () {
    yield* session.query("set lock_timeout = 25")
    for (let most = 7, tries = 0; tries < 2000; tries++) {
      const state = yield* session.query(`select state from kafka.publish_step(1, ${most}, 1000000)`).pipe(
        Effect.map(([row]) => row![0]),
        Effect.orElseSucceed(() => "locked")
      )
      if (state === "done") return
      most = state === "locked" ? 1 : 7
      yield* Effect.sleep(2)
    }
  })

describe("a published table that many write while it is read", () => {
  for (const [seed, mark] of [
    [1, "mark"],
    [2, "null"]
  ] as const) {
    it.live(`is what its records come to, of seed ${seed}`, () =>
      Effect.gen(function* () {
        const psql = yield* openPublishing(database)
        yield* psql.query(`create table public.orders (id int primary key, note text);
          insert into public.orders select i, 'old' from generate_series(0, ${IDS - 1}, 2) i`)
        const sessions = yield* Effect.all(Array.from({ length: 4 }, () => database.psql()))
        let isRead = false
        const working = sessions.map((session, i) => works(session, 100 * seed + i, () => isRead))
        const reader = yield* database.psql()
        const publishing = Effect.gen(function* () {
          yield* Effect.sleep(50)
          yield* psql.query("select kafka.publish_table('public.orders', topic => 'one')")
          yield* psql.query(`update kafka.published set mark = ${mark}`)
          yield* reads(reader)
        }).pipe(Effect.ensuring(Effect.sync(() => (isRead = true))))
        yield* Effect.all([...working, publishing], { concurrency: "unbounded" })
        expect(yield* psql.query("select state from kafka.publications")).toEqual([["live"]])
        const rows = new Map<string, string>()
        const records = yield* psql.query(
          "select convert_from(key, 'UTF8'), convert_from(value, 'UTF8') from kafka.outbox order by id"
        )
        for (const [key, value] of records) {
          if (value == null) rows.delete(key!)
          else rows.set(key!, value)
        }
        const wanted = yield* psql.query("select id::text, row_to_json(o)::text from public.orders o")
        expect(Array.from(rows).toSorted()).toEqual(wanted.toSorted())
        expect(records.length).toBeGreaterThan(20)
      })
    )
  }
})
