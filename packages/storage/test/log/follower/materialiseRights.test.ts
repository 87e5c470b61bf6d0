import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestDatabase } from "../../pg/TestDatabase.ts"
import { grant, grantsTo } from "../../../src/pg/schema/MigrateSchema.ts"
import { startFollowed } from "./FollowedBroker.ts"
import { lines, openMaterialised, reached, refusal, whyItStands } from "./Materialised.ts"

const database = new TestDatabase()
const ROLE = `${database.name}_app`

/** A broker, a table `app.latest` of a role that owns a schema and nothing else, and sessions of the role and of a superuser. */
const open = Effect.gen(function* () {
  const broker = yield* openMaterialised(database)
  const { psql } = broker
  yield* psql.query(`create role ${ROLE} login; create schema app authorization ${ROLE}; select kafka.allow('${ROLE}', 'read', 't');
    create table kafka.witness (who text); grant insert on kafka.witness to public`)
  yield* Effect.addFinalizer(() => Effect.ignore(psql.query(`drop owned by ${ROLE} cascade; drop role ${ROLE}`)))
  const app = yield* database.psql(database.name, { user: ROLE })
  // What would run as whoever writes, and tells who that was.
  yield* app.query(`create function app.spy() returns text language plpgsql volatile as $$ begin
      insert into kafka.witness values (current_user); return current_user; end $$;
    create function app.pure(text) returns text language plpgsql immutable as $$ begin
      perform app.spy(); return $1; end $$;
    create function app.note() returns trigger language plpgsql as $$ begin perform app.spy(); return new; end $$`)
  return { ...broker, app }
})

/** Ways in which an owner has code run by whoever writes to a table of his. */
const WAYS: ReadonlyArray<readonly [string, string, RegExp]> = [
  [
    "a trigger",
    "create trigger note before insert on app.latest for each row execute function app.note()",
    /has a trigger/
  ],
  [
    "a trigger at the end of the transaction",
    "create constraint trigger note after insert on app.latest deferrable initially deferred for each row execute function app.note()",
    /has a trigger/
  ],
  ["a check", "alter table app.latest add check (app.pure(key) is not null)", /has a check/],
  [
    "a generated column",
    "alter table app.latest add g text generated always as (app.pure(key)) stored",
    /has a generated column/
  ],
  [
    "a default",
    "alter table app.latest add d text; alter table app.latest alter d set default app.spy()",
    /has a default/
  ],
  [
    "a built-in function that runs a statement",
    "alter table app.latest add d xml; alter table app.latest alter d set default query_to_xml('select app.spy()', true, true, '')",
    /has a default/
  ],
  ["an index of an expression", "create index on app.latest (app.pure(key))", /has an index/],
  ["an index with a condition", "create index on app.latest (key) where app.pure(key) is not null", /has an index/],
  ["statistics of an expression", "create statistics app.s on (app.pure(key)) from app.latest", /has statistics/],
  [
    "row level security",
    "alter table app.latest enable row level security; create policy p on app.latest with check (app.spy() is not null)",
    /has row level security/
  ],
  ["a rule", "create rule r as on insert to app.latest do also select app.spy()", /has a rule/],
  [
    "a domain",
    "create domain app.word as text check (value is null or app.pure(value) <> ''); alter table app.latest add w app.word",
    /of a type/
  ],
  ["a table that a crash empties", "alter table app.latest set unlogged", /survives a crash/]
]

describe("a table of a role that has not the broker's rights", () => {
  it.live("is the role's own, and is kept as any other", () =>
    Effect.gen(function* () {
      const { app, append, look, psql } = yield* open
      expect(yield* refusal(app, "select kafka.materialise('other', 'app.latest')")).toBe("42501")
      expect(yield* refusal(app, "select kafka.materialise('t', 'public.latest')")).toBe("42501")
      yield* app.query("select kafka.materialise('t', 'app.latest')")
      yield* app.query(`create index on app.latest (value); alter table app.latest add n integer not null default 7,
        add at timestamptz default now()`)
      yield* look
      yield* append("t", ["a=1"])
      yield* reached(app, "latest", 0)
      expect(yield* lines(psql, "select tableowner from pg_tables where tablename = 'latest'")).toEqual([ROLE])
      expect(yield* lines(app, "select key, value, n, at is not null from app.latest")).toEqual(["a 1 7 t"])
    }).pipe(Effect.scoped)
  )

  it.live("is kept by a broker of a role that owns nothing, too", () =>
    Effect.gen(function* () {
      const { app, append, psql, stop } = yield* open
      const runner = `${database.name}_runner`
      yield* psql.query(`create role ${runner} login`)
      yield* Effect.addFinalizer(() => Effect.ignore(psql.query(`drop owned by ${runner}; drop role ${runner}`)))
      yield* grant(psql, yield* grantsTo(psql, runner))
      yield* append("t", ["a=1"])
      yield* stop
      yield* startFollowed(database, { following: new Set(), user: runner })
      yield* app.query("select kafka.materialise('t', 'app.latest')")
      yield* psql.query(`select kafka.materialise('t', 'public.ours'); alter table public.ours add check (key <> '')`)
      yield* reached(psql, "latest", 0)
      yield* reached(psql, "ours", 0)
      expect(yield* lines(app, "select * from app.latest")).toEqual(["a 1"])
      expect(
        yield* lines(psql, "select usename from pg_stat_activity where application_name = 'tusk/broker tables' limit 1")
      ).toEqual([runner])
    }).pipe(Effect.scoped)
  )

  it.live("cannot have the broker run code of its owner, whatever way that takes: it stands", () =>
    Effect.gen(function* () {
      const { app, append, look, psql } = yield* open
      for (const [i, [, way, why]] of WAYS.entries()) {
        yield* app.query("select kafka.materialise('t', 'app.latest')")
        yield* look
        yield* append("t", [`${i}=1`])
        yield* reached(app, "latest", i)
        yield* app.query(way)
        yield* psql.query("delete from kafka.witness")
        yield* append("t", [`more=${i}`])
        // The record is the next way's.
        const [told] = yield* whyItStands(psql)
        expect(told).toMatch(why)
        expect(yield* lines(psql, "select * from kafka.witness")).toEqual([])
        yield* app.query("select kafka.dematerialise('latest', true); drop domain if exists app.word")
        yield* look
      }
    }).pipe(Effect.scoped)
  )
})
