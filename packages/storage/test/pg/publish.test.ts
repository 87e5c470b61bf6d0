import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { openPublishing, changeIn, told } from "./PublishedTables.ts"
import { failing } from "./SqlSessions.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const open = openPublishing(database)
const TABLE = "create table public.orders (id int primary key, note text)"
const publish = (more = "") =>
  `select kafka.publish_table('public.orders', topic => 'one', key => 'id', snapshot => false${more})`

describe("a published table", () => {
  it.live(
    "tells each change of a row in its transaction, a deleted row by a tombstone, another key as another row",
    () =>
      Effect.gen(function* () {
        const psql = yield* open
        yield* psql.query(`${TABLE}; ${publish()}`)
        yield* psql.query("insert into public.orders values (1, 'a'), (2, null)")
        yield* psql.query("begin; insert into public.orders values (3, 'x'); rollback")
        yield* psql.query(
          "begin; savepoint s; delete from public.orders; rollback to s; update public.orders set note = 'b' where id = 1; commit"
        )
        yield* psql.query("update public.orders set id = 10 where id = 1; delete from public.orders where id = 10")
        expect(yield* told(psql)).toEqual([
          '1 {"id":1,"note":"a"}',
          '2 {"id":2,"note":null}',
          '1 {"id":1,"note":"b"}',
          "1 -",
          '10 {"id":10,"note":"b"}',
          "10 -"
        ])
        yield* psql.query(
          "create table public.users (id int primary key); alter table public.orders add foreign key (id) references public.users not valid"
        )
        yield* psql.query("truncate public.users cascade")
        expect(yield* told(psql)).toEqual(["2 -"])
      })
  )

  it.live("tells them in Debezium's envelope, with a schema for all of it", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`${TABLE}; ${publish(", format => 'debezium', schemas => false")}`)
      yield* psql.query("insert into public.orders values (1, 'a'); update public.orders set note = 'b'")
      yield* psql.query("update public.orders set id = 2; delete from public.orders")
      const [one, two] = [`{"id":1}`, `{"id":2}`]
      expect((yield* told(psql)).map(changeIn)).toEqual([
        { key: one, op: "c", before: null, after: { id: 1, note: "a" } },
        { key: one, op: "u", before: { id: 1, note: "a" }, after: { id: 1, note: "b" } },
        { key: one, op: "d", before: { id: 1, note: "b" }, after: null },
        { key: one, op: "tombstone" },
        { key: two, op: "c", before: null, after: { id: 2, note: "b" } },
        { key: two, op: "d", before: { id: 2, note: "b" }, after: null },
        { key: two, op: "tombstone" }
      ])
      yield* psql.query("select kafka.unpublish_table('public.orders')")
      yield* psql.query(publish(", format => 'debezium'"))
      yield* psql.query("insert into public.orders values (1, 'a')")
      const [line] = yield* told(psql)
      const key = JSON.parse(line!.slice(0, line!.indexOf(" {")))
      const value = JSON.parse(line!.slice(line!.indexOf(" {") + 1))
      expect(key).toEqual({
        schema: {
          type: "struct",
          fields: [{ type: "int32", optional: false, field: "id" }],
          optional: false,
          name: "one.Key"
        },
        payload: { id: 1 }
      })
      expect(value.schema.name).toBe("one.Envelope")
      expect(value.payload.source).toMatchObject({
        connector: "postgresql",
        name: "one",
        schema: "public",
        table: "orders",
        snapshot: "false"
      })
    })
  )

  it.live(
    "tells what COPY's like, MERGE, ON CONFLICT and foreign keys change, and what a replica's session writes",
    () =>
      Effect.gen(function* () {
        const psql = yield* open
        yield* psql.query(`create table public.users (id int primary key); ${TABLE};
        alter table public.orders add column user_id int references public.users on delete cascade on update cascade deferrable initially deferred;
        insert into public.users values (1), (2); ${publish()}`)
        yield* psql.query("insert into public.orders select i, 'x', 1 from generate_series(1, 2) i")
        yield* psql.query(
          "insert into public.orders values (2, 'y', 1), (3, 'y', 2) on conflict (id) do update set note = excluded.note"
        )
        yield* psql.query("insert into public.orders values (2, 'z') on conflict do nothing")
        yield* psql.query("update public.users set id = 20 where id = 2; delete from public.users where id = 1")
        yield* psql.query(
          "set session_replication_role = replica; insert into public.orders values (4, 'r'); reset session_replication_role"
        )
        expect(yield* told(psql)).toEqual([
          '1 {"id":1,"note":"x","user_id":1}',
          '2 {"id":2,"note":"x","user_id":1}',
          '2 {"id":2,"note":"y","user_id":1}',
          '3 {"id":3,"note":"y","user_id":2}',
          '3 {"id":3,"note":"y","user_id":20}',
          "1 -",
          "2 -",
          '4 {"id":4,"note":"r","user_id":null}'
        ])
        const [version] = yield* psql.query("select current_setting('server_version_num')::int >= 150000")
        if (version![0] === "f") return
        yield* psql.query(`merge into public.orders o using (values (3), (4), (5)) v (id) on v.id = o.id
        when matched and v.id = 3 then delete when matched then update set note = 'm' when not matched then insert values (v.id, 'n')`)
        expect(yield* told(psql)).toEqual([
          "3 -",
          '4 {"id":4,"note":"m","user_id":null}',
          '5 {"id":5,"note":"n","user_id":null}'
        ])
      })
  )

  it.live("tells what its own triggers change behind what they were called for", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`${TABLE}; create function public.again() returns trigger language plpgsql as $$ begin
          update public.orders set note = new.note || '!' where id = new.id and new.note !~ '!'; return null; end $$;
        create trigger " again" after insert on public.orders for each row execute function public.again();
        alter trigger " again" on public.orders rename to a_again; ${publish()}`)
      yield* psql.query("insert into public.orders values (1, 'a')")
      expect(yield* told(psql)).toEqual(['1 {"id":1,"note":"a"}', '1 {"id":1,"note":"a!"}'])
    })
  )

  it.live("tells large values that did not change, and every type, the same whatever a session's settings are", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`create type public.mood as enum ('sad', 'it''s "ok"'); create type public.address as (street text, number int);
        create domain public.positive as int check (value > 0);
        create table public.orders (id int primary key, large text, m public.mood, ms public.mood[], a public.address, p public.positive,
          ps public.positive[], n numeric, f float8, ts timestamp, tz timestamptz, i interval, b bytea, j json, jb jsonb, ar int[],
          "r" text, "Quo ""ted %s" text, double int generated always as (id * 2) stored); ${publish()}`)
      yield* psql.query(`insert into public.orders values (1, (select string_agg(md5(i::text), '') from generate_series(1, 5000) i),
        'it''s "ok"', '{sad,NULL}', '("a b",1)', 5, '{1,2}', 1.10, 0.1::float8 + 0.2::float8, 'infinity', '2026-01-01 02:00+02', '1 day 02:00', '\\x00ff',
        '{"a" :  1}', '{"a": null}', '{1,NULL}', 'r', 'q')`)
      yield* psql.query(
        "set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, DMY'; set intervalstyle = iso_8601; set bytea_output = escape; set extra_float_digits = 0"
      )
      yield* psql.query("update public.orders set r = 's'")
      const lines = yield* told(psql)
      const [first, second] = lines.map((line) => JSON.parse(line.slice(2)))
      expect(first.large).toHaveLength(160_000)
      expect({ ...second, r: "r" }).toEqual(first)
      expect({ ...first, large: "" }).toEqual({
        ...{
          id: 1,
          large: "",
          m: `it's "ok"`,
          ms: ["sad", null],
          a: '("a b",1)',
          p: 5,
          ps: [1, 2],
          n: 1.1,
          f: 0.30000000000000004
        },
        ...{
          ts: "infinity",
          tz: "2025-12-31T24:00:00+00:00".replace("2025-12-31T24", "2026-01-01T00"),
          i: "1 day 02:00:00",
          b: "\\x00ff"
        },
        ...{ j: { a: 1 }, jb: { a: null }, ar: [1, null], r: "r", 'Quo "ted %s': "q", double: 2 }
      })
      expect(lines[0]).toContain('"n":1.10,')
    })
  )

  it.live("that is changed is told as it is then, in sessions that knew it before, too", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const other = yield* database.psql()
      yield* psql.query(`${TABLE}; ${publish()}; insert into public.orders values (1, 'a')`)
      const steps = [
        ["add column more int default 7", "update public.orders set note = 'b'", '1 {"id":1,"note":"b","more":7}'],
        ["rename column note to text", "update public.orders set text = 'c'", '1 {"id":1,"text":"c","more":7}'],
        [
          "alter column more type text using 'n' || more",
          "update public.orders set text = 'd'",
          '1 {"id":1,"text":"d","more":"n7"}'
        ],
        ["drop column more", "update public.orders set text = 'e'", '1 {"id":1,"text":"e"}'],
        ["rename column id to number", "update public.orders set text = 'f'", '1 {"number":1,"text":"f"}'],
        ["alter column number type bigint", "update public.orders set text = 'g'", '1 {"number":1,"text":"g"}']
      ] as const
      for (const tends of [false, true]) {
        yield* told(psql)
        for (const [alter, change, line] of steps) {
          yield* psql.query(`alter table public.orders ${alter}`)
          if (tends) yield* psql.query("select * from kafka.tend_publications()")
          yield* other.query(change)
          expect(yield* told(psql), alter).toEqual([line])
        }
        yield* psql.query("alter table public.orders rename to o2; alter table public.o2 rename to orders")
        yield* psql.query(
          "alter table public.orders rename column text to note; alter table public.orders rename column number to id"
        )
      }
      yield* psql.query(
        "begin; alter table public.orders add column z int; insert into public.orders values (9, 'x', 1); commit"
      )
      expect(yield* told(psql)).toEqual(['9 {"id":9,"note":"x","z":1}'])
      yield* psql.query("alter table public.orders rename to renamed; select * from kafka.tend_publications()")
      yield* psql.query("update public.renamed set z = 2 where id = 9")
      expect(yield* told(psql)).toEqual(['9 {"id":9,"note":"x","z":2}'])
      expect(yield* psql.query("select table_name, state from kafka.publications")).toEqual([
        ["public.renamed", "live"]
      ])
      yield* psql.query("alter table public.renamed drop column id")
      expect((yield* failing(psql, "update public.renamed set z = 3")).hint).toContain("kafka.unpublish_table")
      yield* psql.query("select * from kafka.tend_publications()")
      expect((yield* psql.query("select error from kafka.publications"))[0]![0]).toContain("column id of the key")
      yield* psql.query("select kafka.unpublish_table('public.renamed'); update public.renamed set z = 3")
    })
  )

  it.live("of partitions is told whole: whichever is written, moved, made later or emptied", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`create table public.orders (id int, region text, primary key (id, region)) partition by list (region);
        create table public.eu partition of public.orders for values in ('eu');
        create table public.us (region text not null, x int, id int not null); alter table public.us drop column x;
        alter table public.orders attach partition public.us for values in ('us');
        select kafka.publish_table('public.orders', topic => 'one', key => 'id, region', snapshot => false)`)
      const key = (id: number, region: string) => `{"id":${id},"region":"${region}"}`
      const row = (id: number, region: string) => `${key(id, region)} ${key(id, region)}`
      yield* psql.query("insert into public.orders values (1, 'eu'), (2, 'us'); insert into public.us values ('us', 3)")
      expect(yield* told(psql)).toEqual([row(1, "eu"), row(2, "us"), row(3, "us")])
      yield* psql.query("update public.orders set region = 'us' where id = 1")
      expect(yield* told(psql)).toEqual([`${key(1, "eu")} -`, row(1, "us")])
      yield* psql.query(
        "create table public.asia partition of public.orders for values in ('asia'); insert into public.asia values (4, 'asia')"
      )
      expect(yield* told(psql)).toEqual([row(4, "asia")])
      yield* psql.query("truncate public.us")
      expect((yield* told(psql)).toSorted()).toEqual([1, 2, 3].map((id) => `${key(id, "us")} -`))
      yield* psql.query("insert into public.orders values (5, 'us'); truncate kafka.outbox; truncate public.orders")
      expect((yield* told(psql)).toSorted()).toEqual([`${key(4, "asia")} -`, `${key(5, "us")} -`])
      yield* psql.query("alter table public.orders detach partition public.us; insert into public.us values ('us', 6)")
      expect(yield* told(psql)).toEqual([])
    })
  )

  it.live("leaves out columns that Postgres computes at each look, and takes as many as a table has", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const many = Array.from({ length: 200 }, (_, i) => `c${i} int`).join(", ")
      yield* psql.query(
        `create table public.orders (id int primary key, ${many}); ${publish()}; insert into public.orders (id, c199) values (1, 7)`
      )
      const [line] = yield* told(psql)
      expect(JSON.parse(line!.slice(2))).toMatchObject({ id: 1, c0: null, c199: 7 })
      yield* psql.query("drop table public.orders; select * from kafka.tend_publications()")
      const [version] = yield* psql.query("select current_setting('server_version_num')::int >= 180000")
      if (version![0] === "f") return
      yield* psql.query(`create table public.orders (id int primary key, n int, d int generated always as (n * 2) virtual); insert into public.orders values (1, 1);
        select kafka.publish_table('public.orders', topic => 'one', key => 'id')`)
      yield* psql.query("update public.orders set n = 2; insert into public.orders values (2, 2)")
      yield* psql.query(
        "select * from kafka.publish_step((select publication_id from kafka.published), 10, 100); truncate public.orders"
      )
      expect(yield* told(psql)).toEqual(['1 {"id":1,"n":2}', '2 {"id":2,"n":2}', "1 -", "2 -"])
    })
  )

  it.live("without a topic that takes the record fails its writers, or has it set aside", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `${TABLE}; ${publish()}; insert into kafka.configs values (2, 'one', 'max.message.bytes', '300')`
      )
      const large = "insert into public.orders values (1, repeat('x', 300))"
      expect(yield* failing(psql, large)).toMatchObject({
        code: "54000",
        hint: expect.stringContaining("unpublish_table")
      })
      yield* psql.query("delete from kafka.topics where name = 'one'")
      expect(yield* failing(psql, "insert into public.orders values (1, 'x')")).toMatchObject({ code: "42704" })
      expect((yield* psql.query("select state from kafka.publications"))[0]).toEqual(["topic missing"])
      yield* psql.query("select kafka.unpublish_table('public.orders')")
      yield* psql.query(
        `select kafka.publish_table('public.orders', 'latest', 'note', snapshot => false, on_error => 'set aside')`
      )
      yield* psql.query("insert into public.orders values (1, null)")
      expect(yield* told(psql)).toEqual([])
      const [aside] = yield* psql.query(
        "select reason, partition_id, convert_from(value, 'UTF8') from kafka.outbox_refused"
      )
      expect(aside).toEqual([expect.stringContaining("no key"), "300", '{"id":1,"note":null}'])
    })
  )

  it.live("is one or several, and none once it is dropped", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `${TABLE}; ${publish()}; select kafka.publish_table('public.orders', 'three', array['id'], snapshot => false)`
      )
      expect((yield* failing(psql, publish())).code).toBe("42710")
      yield* psql.query("insert into public.orders values (1, 'a')")
      expect((yield* told(psql)).length).toBe(2)
      expect(yield* psql.query("select kafka.unpublish_table('public.orders', 'three')")).toEqual([["1"]])
      yield* psql.query("insert into public.orders values (2, 'a')")
      expect((yield* told(psql)).length).toBe(1)
      yield* psql.query("drop table public.orders")
      expect(yield* psql.query("select state from kafka.publications")).toEqual([["table dropped"]])
      yield* psql.query("select * from kafka.tend_publications()")
      expect(
        yield* psql.query(
          "select (select count(*) from kafka.published), (select count(*) from pg_proc where proname ~ '^publish_[0-9]')"
        )
      ).toEqual([["0", "0"]])
    })
  )

  it.live("is found by its name once oids are others, as after a restore", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`${TABLE}; ${publish()}; update kafka.published set home = 1, relation = 1`)
      yield* psql.query(
        "create or replace function public.restored() returns void language plpgsql as $$ begin execute replace(pg_get_functiondef('kafka.publish_1'::regproc), 'public.orders'::regclass::oid::text, '1'); end $$; select public.restored()"
      )
      yield* psql.query("insert into public.orders values (1, 'a')")
      expect(yield* told(psql)).toEqual(['1 {"id":1,"note":"a"}'])
      yield* psql.query("select * from kafka.tend_publications(); insert into public.orders values (2, 'a')")
      expect(yield* told(psql)).toEqual(['2 {"id":2,"note":"a"}'])
      expect(
        yield* psql.query(
          "select relation::regclass, state from kafka.published join kafka.publications using (publication_id)"
        )
      ).toEqual([["public.orders", "live"]])
    })
  )

  it.live("works in a schema of any name", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install(undefined, { schema: "my kafka" })
      const psql = yield* database.psql(undefined, { schema: "my kafka" })
      yield* psql.query(
        `insert into kafka.topics values ('t', 'one'); insert into kafka.partitions (partition_id, topic_id, partition_index) values (1, 't', 0)`
      )
      yield* psql.query(`${TABLE}; select kafka.publish_table('public.orders', topic => 'one')`)
      yield* psql.query(
        "insert into public.orders values (1, 'a'); alter table public.orders add column z int; update public.orders set z = 1; truncate public.orders"
      )
      expect(yield* told(psql)).toEqual(['1 {"id":1,"note":"a"}', '1 {"id":1,"note":"a","z":1}', "1 -"])
      yield* psql.query("select * from kafka.publish_step(1, 10, 10); select kafka.unpublish_table('public.orders')")
      expect(yield* psql.query("select count(*) from kafka.publications")).toEqual([["0"]])
    })
  )

  it.live("keeps the order of a row's changes in a pass, whichever transaction began first", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(
        `create table public.other (id int); ${TABLE}; ${publish()}; insert into public.orders values (1, 'a'); truncate kafka.outbox`
      )
      const [first, second] = [yield* database.psql(), yield* database.psql()]
      yield* first.query("begin; insert into public.other values (1)")
      yield* second.query("begin; insert into public.other values (2); update public.orders set note = 'b'; commit")
      yield* first.query("update public.orders set note = 'c'; commit")
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      const { rows } = yield* store.outbox!.pass({ since: undefined, except: [] })
      const notes = rows.map((row) => ("value" in row ? JSON.parse(Buffer.from(row.value!).toString()).note : ""))
      expect(notes).toEqual(["b", "c"])
      expect(rows[0]!.xid > rows[1]!.xid).toBe(true)
      const keys = yield* store.outbox!.keys({ since: undefined, except: [] })
      expect(keys.map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
    })
  )
})
