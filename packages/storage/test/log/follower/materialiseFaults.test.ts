import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestDatabase } from "../../pg/TestDatabase.ts"
import { latest, lines, openMaterialised, reached, untilSome, whyItStands } from "./Materialised.ts"

const database = new TestDatabase()
const open = (partitions = 1) => openMaterialised(database, partitions)
const numbers = (more = "") =>
  `select kafka.materialise('t', 'public.latest', '{"value": {"type": "smallint", "path": "n"}}'${more})`
const skipped = "select skipped, skipped_offset, stands_since, next_offset from kafka.materialised where skipped > 0"

describe("a table that follows a topic", () => {
  it.live("stands at a record that does not fit, in that partition alone, and says where and why", () =>
    Effect.gen(function* () {
      const { append, look, psql, states } = yield* open(2)
      yield* psql.query(numbers())
      yield* look
      yield* append("t", ['a={"n": 1}', 'b={"n": 2}', 'c={"n": 70000}', 'd={"n": 4}'])
      yield* append("t", ['e={"n": 5}'], {}, 1)
      yield* reached(psql, "latest", 0, 1)
      expect(yield* whyItStands(psql)).toEqual(['0 2 value "70000" is out of range for type smallint'])
      expect(yield* latest(psql)).toEqual(["a 1", "b 2", "e 5"])
      expect(states()).toEqual([{ table: "public.latest", lag: 2n, standing: 1 }])
      yield* append("t", ['f={"n": 6}'], {}, 1)
      yield* reached(psql, "latest", 1, 1)
      // Told to skip, it goes on by itself, and has noted what it left out.
      yield* psql.query(numbers(", on_error => 'skip'"))
      yield* reached(psql, "latest", 3)
      expect(yield* latest(psql)).toEqual(["a 1", "b 2", "d 4", "e 5", "f 6"])
      expect(yield* lines(psql, skipped)).toEqual(["1 2 - 4"])
    }).pipe(Effect.scoped)
  )

  it.live("with on_error => 'skip' leaves out what does not fit, and nothing else", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* psql.query(numbers(", on_error => 'skip'"))
      yield* psql.query("alter table public.latest add check (value <> 13)")
      yield* look
      const records = Array.from({ length: 1000 }, (_, i) => {
        switch (i % 250) {
          case 50:
            return `${i}=no JSON`
          case 100:
            return `${i}={"n": 99999}`
          case 150:
            return `{"n": ${i}}`
          case 200:
            return `${i}={"n": 13}`
          default:
            return `${i}={"n": ${i === 13 ? 14 : i}}`
        }
      })
      yield* append("t", records)
      yield* reached(psql, "latest", 999)
      expect(yield* lines(psql, "select count(*), sum(value) from public.latest")).toEqual([
        `${984} ${records.reduce((sum, _, i) => sum + ([50, 100, 150, 200].includes(i % 250) ? 0 : i === 13 ? 14 : i), 0)}`
      ])
      expect(yield* lines(psql, skipped)).toEqual(["16 950 - 1000"])
      expect(yield* untilSome(psql, "select skipped_error from kafka.materialised")).toEqual([
        'new row for relation "latest" violates check constraint "latest_value_check"'
      ])
      yield* append("t", ["=keyless", 'z={"n": 1}'])
      yield* reached(psql, "latest", 1001)
      expect(yield* lines(psql, "select value from public.latest where key in ('z', '')")).toEqual(["1"])
    }).pipe(Effect.scoped)
  )

  it.live("that somebody has locked holds up no other table and no produce, and catches up", () =>
    Effect.gen(function* () {
      const { append, look, psql, states } = yield* open()
      const tables = Array.from({ length: 6 }, (_, i) => `public.t${i}`)
      for (const table of tables) yield* psql.query(`select kafka.materialise('t', '${table}')`)
      yield* look
      yield* append("t", ["a=1"])
      for (const table of tables) yield* reached(psql, table, 0)
      const other = yield* database.psql()
      // As many as there are sessions.
      yield* other.query(`begin; lock table ${tables.slice(0, 4).join(", ")}`)
      yield* append("t", ["a=2", "b=3"])
      for (const table of tables.slice(4)) yield* reached(psql, table, 2)
      yield* untilSome(psql, `select from kafka.materialised where error ~ 'lock timeout' having count(*) = 4`)
      expect(
        yield* lines(
          psql,
          `select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'tusk/broker tables'`
        )
      ).toEqual(["4"])
      expect(states().filter(({ lag }) => lag === 2n).length).toBe(4)
      yield* other.query("commit")
      for (const table of tables) yield* reached(psql, table, 2)
      expect(yield* latest(psql, "public.t0")).toEqual(["a 2", "b 3"])
      yield* untilSome(psql, "select from kafka.materialised where stands_since is null having count(*) = 6")
    }).pipe(Effect.scoped)
  )

  it.live("is never read from end to end, whatever the collation of its key", () =>
    Effect.gen(function* () {
      const { psql } = yield* open()
      for (const [i, collation] of ["", 'collate "C"', 'collate "POSIX"'].entries()) {
        yield* psql.query(`create table public.t${i} (key text ${collation} primary key, value jsonb);
          select kafka.materialise('t', 'public.t${i}'); insert into public.t${i} select n, '0' from generate_series(1, 2000) n`)
        const [id] = yield* lines(psql, "select max(follower_id) from kafka.materialised_tables")
        const record = (key: number, value: string) => `row(0, 1, now(), '${key}', ${value}, null)::kafka.read_record`
        const counts = Effect.map(
          psql.query(
            `select seq_scan, idx_scan, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_xact_user_tables where relname = 't${i}'`
          ),
          ([row]) => row!.map(Number)
        )
        yield* psql.query("begin")
        const before = yield* counts
        yield* psql.query(
          `select kafka.materialised_${id}_write(array[${record(1, "null")}, ${record(2, "'1'")}, ${record(9999, "'1'")}])`
        )
        expect((yield* counts).map((n, at) => n - before[at]!)).toEqual([0, 3, 1, 1, 1])
        yield* psql.query("rollback")
      }
    }).pipe(Effect.scoped)
  )

  it.live("whose trigger fails stands, and goes on once that is mended", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* psql.query(`select kafka.materialise('t', 'public.latest'); select kafka.materialise('t', 'public.other');
        create table public.seen (who text);
        create function public.note() returns trigger language plpgsql as $$ begin
          if new.key = 'b' then perform public.missing(); end if;
          insert into public.seen values (new.key); return new; end $$;
        create trigger note before insert on public.latest for each row execute function public.note()`)
      yield* look
      yield* append("t", ["a=1", "b=2"])
      yield* reached(psql, "other", 1)
      const [why] = yield* whyItStands(psql)
      expect(why).toMatch(/^0 0 function public.missing\(\) does not exist/)
      expect(yield* lines(psql, "select * from public.seen")).toEqual([])
      yield* psql.query("create function public.missing() returns void language sql return null")
      yield* reached(psql, "latest", 1)
      expect(yield* lines(psql, "select * from public.seen order by 1")).toEqual(["a", "b"])
    }).pipe(Effect.scoped)
  )

  it.live("stands if it is published to the topic that it follows", () =>
    Effect.gen(function* () {
      const { append, create, look, psql } = yield* open()
      yield* create("copies")
      yield* psql.query("select kafka.materialise('t', 'public.latest')")
      yield* look
      yield* psql.query("select kafka.publish_table('public.latest', topic => 'copies', snapshot => false)")
      yield* append("t", ["a=1"])
      yield* reached(psql, "public.latest", 0)
      expect(yield* lines(psql, "select count(*) from kafka.outbox")).toEqual(["1"])
      yield* psql.query(`select kafka.unpublish_table('public.latest');
        select kafka.publish_table('public.latest', topic => 't', snapshot => false)`)
      yield* append("t", ["a=2"])
      const [why] = yield* whyItStands(psql)
      expect(why).toMatch(/would feed itself/)
    }).pipe(Effect.scoped)
  )

  it.live("stands while its role may not read the topic", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      const role = `${database.name}_reader`
      yield* psql.query(`create role ${role} login; select kafka.allow('${role}', 'read', 't');
        create schema mine authorization ${role}`)
      yield* Effect.addFinalizer(() => Effect.ignore(psql.query(`drop owned by ${role} cascade; drop role ${role}`)))
      const reader = yield* database.psql(database.name, { user: role })
      yield* reader.query("select kafka.materialise('t', 'mine.latest')")
      yield* look
      yield* append("t", ["a=1"])
      yield* reached(reader, "latest", 0)
      expect(yield* lines(reader, "select * from mine.latest")).toEqual(["a 1"])
      yield* psql.query(`select kafka.revoke('${role}', 'read', 't')`)
      yield* append("t", ["a=2"])
      const [why] = yield* whyItStands(psql)
      expect(why).toMatch(/permission denied for topic "t"/)
      expect(yield* lines(reader, "select * from kafka.materialised")).toEqual([])
      yield* psql.query(`select kafka.allow('${role}', 'read', 't')`)
      yield* reached(reader, "latest", 1)
      yield* reader.query("select kafka.dematerialise('latest', true)")
    }).pipe(Effect.scoped)
  )

  it.live("gives up what is erased, and keeps what came later", () =>
    Effect.gen(function* () {
      const { append, erase, look, partitionIdOf, psql } = yield* open()
      yield* psql.query(
        `select kafka.materialise('t', 'public.latest', '{"value": {"from": "value", "type": "text"}}')`
      )
      yield* look
      yield* append("t", ["a=1", "b=2", "c=3"])
      yield* append("t", ["a=4", "x=a"])
      yield* append("t", ["y=a"])
      yield* reached(psql, "latest", 5)
      const eraseKey = (key: string, below: bigint) =>
        erase({ partitionId: partitionIdOf("t"), key: Buffer.from(key), below })
      yield* eraseKey("a", 3n)
      yield* eraseKey("b", 3n)
      yield* eraseKey("nobody", 3n)
      yield* eraseKey("c", 100n)
      expect(yield* latest(psql)).toEqual(["a 4", "x a", "y a"])
      const other = yield* database.psql()
      yield* other.query("begin; lock table public.latest")
      expect((yield* Effect.flip(eraseKey("a", 4n)))._tag).toBe("StoreUnavailable")
      yield* other.query("commit")
      yield* eraseKey("a", 4n)
      expect(yield* latest(psql)).toEqual(["x a", "y a"])
    }).pipe(Effect.scoped)
  )

  it.live("keeps no value that was erased in what it tells of records that did not fit", () =>
    Effect.gen(function* () {
      const { append, erase, look, partitionIdOf, psql } = yield* open()
      yield* psql.query(numbers(", on_error => 'skip'"))
      yield* look
      yield* append("t", ['a={"n": "secret"}', 'b={"n": 1}'])
      yield* reached(psql, "latest", 1)
      const told = "select skipped, skipped_error from kafka.materialised"
      expect(yield* lines(psql, told)).toEqual(['1 invalid input syntax for type smallint: "secret"'])
      yield* erase({ partitionId: partitionIdOf("t"), key: Buffer.from("a"), below: 2n })
      expect(yield* lines(psql, told)).toEqual(["1 -"])
      expect(yield* latest(psql)).toEqual(["b 1"])
    }).pipe(Effect.scoped)
  )
})
