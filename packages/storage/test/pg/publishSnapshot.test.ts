import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { openPublishing, changeIn, readSnapshot, told } from "./PublishedTables.ts"
import { until } from "./PostgresServer.ts"
import { failing } from "./SqlSessions.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const open = openPublishing(database)
const TABLE = "create table public.orders (id int primary key, note text)"
const row = (id: number, note: string) => `${id} {"id":${id},"note":"${note}"}`

describe("the snapshot of a published table", () => {
  it.live("reads what was there, step by step, and leaves out what is told already", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`${TABLE}; insert into public.orders select i, 'old' from generate_series(1, 7) i`)
      // What the transaction that publishes wrote before is old; what it writes afterwards is told.
      yield* psql.query(`begin; insert into public.orders values (8, 'own');
        select kafka.publish_table('public.orders', topic => 'one'); insert into public.orders values (9, 'new'); commit`)
      yield* psql.query(
        "insert into public.orders values (10, 'new'); update public.orders set note = 'new' where id = 2; delete from public.orders where id = 3"
      )
      expect(yield* told(psql)).toEqual([row(9, "new"), row(10, "new"), row(2, "new"), "3 -"])
      expect((yield* psql.query("select state, snapshot_rows from kafka.publications"))[0]).toEqual(["snapshot", "0"])
      expect(yield* readSnapshot(psql, 1, 4)).toEqual(["running", "running", "done"])
      const lines = yield* told(psql)
      // Of the same transaction, and before its mark: told twice, the same.
      expect(lines).toEqual([1, 4, 5, 6, 7].map((id) => row(id, "old")).concat(row(8, "own"), row(9, "new")))
      expect((yield* psql.query("select state, snapshot_rows, error from kafka.publications"))[0]).toEqual([
        "live",
        "7",
        null
      ])
      expect(yield* psql.query("select state from kafka.publish_step(1, 10, 10)")).toEqual([["gone"]])
    })
  )

  it.live("tells nothing twice of a transaction that was open, and nothing of none", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `create table public.other (id int); ${TABLE}; insert into public.orders select i, 'old' from generate_series(1, 3) i`
      )
      const early = yield* database.psql()
      yield* early.query("begin; insert into public.other values (1)")
      yield* psql.query("select kafka.publish_table('public.orders', topic => 'one')")
      yield* early.query("update public.orders set note = 'late' where id = 1; commit")
      yield* psql.query("begin; update public.orders set note = 'never' where id = 2; rollback")
      expect(yield* readSnapshot(psql, 1, 10)).toEqual(["done"])
      expect(yield* told(psql)).toEqual([row(1, "late"), row(2, "old"), row(3, "old")])
    })
  )

  it.live("reads all where transaction ids could be given twice", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `${TABLE}; insert into public.orders values (1, 'a'); select kafka.publish_table('public.orders', topic => 'one')`
      )
      yield* psql.query("update kafka.published set mark = null; insert into public.orders values (2, 'b')")
      expect(yield* readSnapshot(psql, 1, 10)).toEqual(["done"])
      expect(yield* told(psql)).toEqual([row(2, "b"), row(1, "a"), row(2, "b")])
    })
  )

  it.live(
    "goes by keys of several columns, of types of any kind, and over partitions, in Debezium's envelope too",
    () =>
      Effect.gen(function* () {
        const psql = yield* open
        yield* psql.query(`create type public.mood as enum ('z', 'a'); create domain public.code as varchar(10);
        create table public.orders (m public.mood, c public.code, d numeric, t timestamptz, primary key (m, c, d, t)) partition by list (m);
        create table public.z partition of public.orders for values in ('z'); create table public.a partition of public.orders for values in ('a');
        insert into public.orders select m::public.mood, c, d, timestamptz '2026-01-01 00:00:00.123456Z' + d * interval '1 second'
          from unnest('{z,a}'::text[]) m, unnest('{"","it''s","Ü"}'::text[]) c, generate_series(0, 1, 0.5) d;
        select kafka.publish_table('public.orders', topic => 'one', format => 'debezium', schemas => false)`)
        expect((yield* readSnapshot(psql, 1, 4)).length).toBe(5)
        const lines = (yield* told(psql)).map(changeIn)
        expect(new Set(lines.map(({ key }) => key)).size).toBe(18)
        expect(lines.every(({ op }) => op === "r")).toBe(true)
        expect(lines[0]!.after).toEqual({ m: "z", c: "", d: "0", t: "2026-01-01T00:00:00.123456Z" })
      })
  )

  it.live("waits for no row, and for a while for none: it is tried again", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `${TABLE}; insert into public.orders select i, 'old' from generate_series(1, 4) i; select kafka.publish_table('public.orders', topic => 'one')`
      )
      const writer = yield* database.psql()
      yield* writer.query("begin; update public.orders set note = 'new' where id = 3")
      yield* psql.query("set lock_timeout = 25")
      expect((yield* failing(psql, "select kafka.publish_step(1, 10, 10)")).code).toBe("55P03")
      expect(yield* psql.query("select state from kafka.publish_step(1, 2, 10)")).toEqual([["running"]])
      yield* writer.query("update public.orders set note = 'newer' where id = 1; commit")
      expect(yield* readSnapshot(psql, 1, 10)).toEqual(["done"])
      const lines = yield* told(psql)
      expect(lines.toSorted()).toEqual(
        [row(1, "newer"), row(1, "old"), row(2, "old"), row(3, "new"), row(4, "old")].toSorted()
      )
      expect(lines.indexOf(row(1, "old"))).toBeLessThan(lines.indexOf(row(1, "newer")))
    })
  )

  it.live("waits for room in the outbox", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `${TABLE}; insert into public.orders select i, 'old' from generate_series(1, 4) i; select kafka.publish_table('public.orders', topic => 'one')`
      )
      yield* psql.query("select kafka.produce('one', 'x'), kafka.produce('one', 'y')")
      expect(yield* psql.query("select state, rows from kafka.publish_step(1, 10, 2)")).toEqual([["waits", "0"]])
      expect(yield* psql.query("select state, rows from kafka.publish_step(1, 10, 3)")).toEqual([["done", "4"]])
    })
  )

  it.live("says what it cannot do, and goes on once it can", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `${TABLE}; insert into public.orders values (1, repeat('x', 500)); select kafka.publish_table('public.orders', topic => 'one')`
      )
      yield* psql.query("insert into kafka.configs values (2, 'one', 'max.message.bytes', '300')")
      const step = "select kafka.publish_step(1, 10, 10)"
      const { code, message } = yield* failing(psql, step)
      expect([code, message]).toEqual(["54000", expect.stringContaining("max.message.bytes is 300")])
      yield* psql.query(
        "select kafka.publish_failed(1, 'why'); delete from kafka.configs where name = 'max.message.bytes'"
      )
      expect((yield* psql.query("select error, error_since is not null from kafka.publications"))[0]).toEqual([
        "why",
        "t"
      ])
      yield* psql.query(
        "alter table public.orders drop constraint orders_pkey; alter table public.orders add primary key (id, note)"
      )
      expect((yield* failing(psql, step)).message).toContain("another one than it was")
      yield* psql.query(
        "alter table public.orders drop constraint orders_pkey; alter table public.orders add primary key (id)"
      )
      expect(yield* readSnapshot(psql, 1, 10)).toEqual(["done"])
      expect((yield* psql.query("select error from kafka.publications"))[0]).toEqual([null])
    })
  )

  it.live("begins beside writers, who wait for it as it waits for them", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const [writer, other] = [yield* database.psql(), yield* database.psql()]
      yield* psql.query(`${TABLE}; insert into public.orders values (1, 'a'), (2, 'a')`)
      yield* writer.query("begin; update public.orders set note = 'b' where id = 1")
      const publishing = yield* Effect.forkChild(
        psql.query("select kafka.publish_table('public.orders', topic => 'one')")
      )
      yield* until(
        other,
        "exists (select from pg_locks where relation = 'public.orders'::regclass and mode = 'ShareRowExclusiveLock' and not granted)"
      )
      // Behind the one that waits, for as long as that does.
      yield* other.query("update public.orders set note = 'c' where id = 2")
      yield* writer.query("commit")
      yield* Fiber.join(publishing)
      expect(yield* told(psql)).toEqual([])
      expect(yield* readSnapshot(psql, 1, 10)).toEqual(["done"])
      expect(yield* told(psql)).toEqual([row(1, "b"), row(2, "c")])
    })
  )
})
