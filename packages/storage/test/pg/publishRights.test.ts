import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { openPublishing, told } from "./PublishedTables.ts"
import { failing } from "./SqlSessions.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
/** Roles are the whole server's: these are this file's own. */
const [APP, WRITER] = [`${database.name}_app`, `${database.name}_writer`]

/** A session of a superuser, who owns the schema, of an app that owns a table, and of one that may write it. */
const open = Effect.gen(function* () {
  const psql = yield* openPublishing(database)
  yield* psql.query(`create role ${APP} login; create role ${WRITER} login; grant usage, create on schema public to public;
    grant execute on function public.failure to public`)
  yield* Effect.addFinalizer(() =>
    Effect.ignore(psql.query(`reset role; drop owned by ${APP}, ${WRITER} cascade; drop role ${APP}, ${WRITER}`))
  )
  const as = (role: string) =>
    Effect.tap(database.psql(), (session) => session.query(`set session authorization ${role}`))
  const [app, writer] = [yield* as(APP), yield* as(WRITER)]
  yield* app.query(
    `create table public.orders (id int primary key, note text); grant select, insert, update, delete, truncate on public.orders to ${WRITER}`
  )
  return { psql, app, writer }
})

const publish = (more = "") => `select kafka.publish_table('public.orders', topic => 'one'${more})`

describe("who publishes a table", () => {
  it.live("owns it and may write the topic; who writes it needs no right", () =>
    Effect.gen(function* () {
      const { app, psql, writer } = yield* open
      yield* psql.query(`grant usage on schema kafka to ${APP}, ${WRITER}`)
      expect(yield* failing(app, publish())).toMatchObject({
        code: "42501",
        hint: expect.stringContaining("kafka.allow")
      })
      yield* psql.query(`select kafka.allow('${APP}', 'write', 'one'), kafka.allow('${WRITER}', 'write', 'one')`)
      expect((yield* failing(writer, publish())).message).toContain("must be owner of table")
      yield* psql.query(`select kafka.revoke('${WRITER}', 'write', 'one'); revoke usage on schema kafka from ${WRITER}`)
      yield* app.query(publish())
      yield* writer.query(
        "insert into public.orders values (1, 'a'); update public.orders set note = 'b'; delete from public.orders"
      )
      yield* writer.query("insert into public.orders values (2, 'a'); truncate public.orders")
      expect((yield* told(psql)).length).toBe(5)
      for (const call of [
        "unpublish_table('public.orders')",
        "end_publication(1)",
        "finish_publication(1)",
        "publish_record(1, 'one', null, null, true)"
      ]) {
        expect((yield* failing(writer, `select kafka.${call}`)).code, call).toBe("42501")
      }
      // A publication goes on when its maker has lost the right, and can be ended.
      yield* psql.query(`select kafka.revoke('${APP}', 'write', 'one')`)
      yield* app.query("insert into public.orders values (3, 'a')")
      expect((yield* told(psql)).length).toBe(1)
      yield* app.query("select kafka.unpublish_table('public.orders')")
    })
  )

  it.live("cannot have its function called for another table, nor make a snapshot begin anew", () =>
    Effect.gen(function* () {
      const { app, psql, writer } = yield* open
      yield* psql.query(`grant usage on schema kafka to ${WRITER}; select kafka.allow('${APP}', 'write', 'one')`)
      yield* app.query(publish())
      yield* writer.query(`create table public.mine (id int, note text);
        create trigger t after insert or update or delete on public.mine for each row execute function kafka.publish_1();
        create trigger tt before truncate on public.mine for each statement execute function kafka.publish_truncate('1')`)
      expect((yield* failing(writer, "insert into public.mine values (1, 'x')")).code).toBe("55000")
      expect((yield* failing(writer, "truncate public.mine")).code).toBe("55000")
      expect((yield* failing(app, "select kafka.finish_publication(1)")).code).toBe("55000")
      expect(yield* told(psql)).toEqual([])
    })
  )

  it.live("runs nothing that it wrote with the rights of the schema's owner", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* psql.query(
        `select kafka.allow('${APP}', 'write', 'one'); create table public.caught (who name, what text); grant insert on public.caught to public`
      )
      yield* app.query(`create type public.mood as enum ('ok'); create type public.address as (street text);
        create function public.spy(what text) returns void language plpgsql as $$ begin insert into public.caught values (current_user, what); end $$;
        create function public.json_of(public.mood) returns json language plpgsql as $$ begin perform public.spy('json'); return '1'; end $$;
        create function public.text_of(public.mood) returns text language plpgsql as $$ begin perform public.spy('text'); return 'x'; end $$;
        create function public.int_of(public.mood) returns int language plpgsql as $$ begin perform public.spy('int'); return 1; end $$;
        create function public.mood_of(text) returns public.mood language plpgsql as $$ begin perform public.spy('mood'); return 'ok'; end $$;
        create cast (public.mood as json) with function public.json_of(public.mood);
        create cast (public.mood as text) with function public.text_of(public.mood) as implicit;
        create cast (public.mood as int) with function public.int_of(public.mood) as implicit;
        create cast (text as public.mood) with function public.mood_of(text) as implicit;
        alter table public.orders add m public.mood, add ms public.mood[]`)
      const statements = [
        "insert into public.orders values (1, 'a', 'ok', '{ok}')",
        "update public.orders set note = 'b'",
        "delete from public.orders",
        "insert into public.orders values (2, 'a', 'ok', '{ok}'); truncate public.orders"
      ]
      for (const format of ["json", "debezium"]) {
        yield* app.query(publish(`, format => '${format}', key => 'id, m'`))
        for (const statement of statements) yield* app.query(statement)
        // A session that knew the column as another type, and a transaction whose snapshot is older than the change.
        for (const [i, tend] of ["select 1", "select * from kafka.tend_publications()"].entries()) {
          const row = (id: number, late: string) => `(${10 * i + id}, 'a', 'ok', null, ${late})`
          yield* app.query("alter table public.orders add late int")
          yield* psql.query(tend)
          yield* app.query(`insert into public.orders values ${row(3, "1")}`)
          const old = yield* database.psql()
          yield* old.query("begin isolation level repeatable read; select 1 from public.caught")
          yield* app.query("alter table public.orders alter late type public.mood using 'ok'::public.mood")
          yield* app.query(`insert into public.orders values ${row(4, "'ok'")}, ${row(5, "'ok'")}`)
          const late = yield* failing(old, `insert into public.orders values ${row(6, "'ok'")}`).pipe(
            Effect.catchDefect(() => Effect.succeed(undefined))
          )
          expect(["40001", undefined]).toContain(late?.code)
          yield* old.query("commit")
          yield* app.query("alter table public.orders drop late")
        }
        yield* psql.query(
          "select * from kafka.publish_step((select publication_id from kafka.published), 1, 10000); select * from kafka.publish_step((select publication_id from kafka.published), 10, 10000)"
        )
        yield* app.query("delete from public.orders; select kafka.unpublish_table('public.orders')")
      }
      // The app's own statements may call them, as the app.
      expect(yield* psql.query(`select * from public.caught where who <> '${APP}'`)).toEqual([])
    })
  )

  it.live("has no rows read that the schema's owner may not read, or by an index that runs what others wrote", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* psql.query(`select kafka.allow('${APP}', 'write', 'one')`)
      yield* app.query(`create function public.evil(int) returns int language plpgsql immutable as $$ begin return $1; end $$;
        create index evil on public.orders ((public.evil(1) + id))`)
      expect((yield* failing(app, publish())).message).toContain("run functions that are not Postgres' own")
      yield* app.query("drop index public.evil; create index fine on public.orders (lower(note)) where id > 0")
      yield* app.query(publish())
      yield* app.query(
        "create index evil on public.orders (id) where public.evil(1) = 1; insert into public.orders values (1, 'a')"
      )
      expect((yield* failing(psql, "select kafka.publish_step(1, 10, 10)")).code).toBe("42501")
      expect((yield* failing(app, "truncate public.orders")).code).toBe("42501")
      yield* app.query("select kafka.unpublish_table('public.orders'); drop index public.evil")

      // An owner of the schema who is nobody else.
      const owner = yield* database.psql()
      yield* owner.query(`drop schema kafka cascade; grant create on database ${database.name} to ${WRITER}`)
      yield* database.install(undefined, { user: WRITER })
      yield* psql.query(`insert into kafka.topics values ('t', 'one'); insert into kafka.partitions (partition_id, topic_id, partition_index) values (1, 't', 0);
        select kafka.allow('${APP}', 'write', 'one'); revoke all on public.orders from ${WRITER}`)
      const refused = yield* failing(app, publish())
      expect([refused.code, refused.hint]).toEqual([
        "42501",
        expect.stringContaining(`grant select, update on public.orders to ${WRITER}`)
      ])
      yield* app.query(`${publish(", snapshot => false")}; insert into public.orders values (2, 'b')`)
      expect((yield* failing(app, "truncate public.orders")).code).toBe("42501")
      yield* app.query(
        `select kafka.unpublish_table('public.orders'); grant select, update on public.orders to ${WRITER}; alter table public.orders enable row level security`
      )
      expect((yield* failing(app, publish())).message).toContain("row level security")
      yield* app.query(`alter table public.orders disable row level security; ${publish()}`)
      yield* owner.query(`set session authorization ${WRITER}`)
      expect(yield* owner.query("select state, rows from kafka.publish_step(2, 10, 10)")).toEqual([["done", "2"]])
    })
  )

  it.live("publishes a table of an app, with a key", () =>
    Effect.gen(function* () {
      const { psql } = yield* open
      yield* psql.query(`create table public.nokey (a int, b int); create temp table temp (id int primary key); create unlogged table public.unlogged (id int primary key);
        create view public.view as select 1 as id; create table public.parent (id int primary key); create table public.child () inherits (public.parent);
        create table public.parts (id int primary key) partition by list (id); create table public.part partition of public.parts default;
        create table public.virtual (id int primary key)`)
      const cases: ReadonlyArray<readonly [call: string, code: string, text: string]> = [
        ["'public.nokey', 'one'", "42P16", "no primary key"],
        ["'public.nokey', 'one', 'a'", "42P16", "to read its rows by"],
        ["'public.nokey', 'one', 'c', snapshot => false", "42703", 'no column "c"'],
        ["'public.orders', 'nope'", "42704", 'no topic "nope"'],
        ["'public.orders', 'one', format => 'avro'", "22023", "format avro"],
        ["'public.orders', 'one', on_error => null", "22023", "no way to publish"],
        ["'public.orders', null", "22004", "the topic is null"],
        ["null, 'one'", "42P01", "there is no table"],
        ["'temp', 'one'", "0A000", "temporary"],
        ["'public.unlogged', 'one'", "0A000", "unlogged"],
        ["'public.view', 'one'", "0A000", "it is no table"],
        ["'public.parent', 'one'", "0A000", "inherit"],
        ["'public.part', 'one'", "0A000", "publish public.parts"],
        ["'kafka.configs', 'one'", "0A000", "none of an app"],
        ["'pg_class', 'one'", "0A000", "none of an app"]
      ]
      for (const [call, code, text] of cases) {
        const failure = yield* failing(psql, `select kafka.publish_table(${call})`)
        expect([failure.code, failure.message], call).toEqual([code, expect.stringContaining(text)])
      }
      yield* psql.query(
        "select kafka.publish_table('public.nokey', 'one', 'B, a', snapshot => false); insert into public.nokey values (1, 2)"
      )
      expect(yield* told(psql)).toEqual(['{"b":2,"a":1} {"a":1,"b":2}'])
      expect(yield* psql.query("select key from kafka.publications")).toEqual([["b, a"]])
      expect(yield* psql.query("select kafka.unpublish_table('public.child')")).toEqual([["0"]])
    })
  )
})
