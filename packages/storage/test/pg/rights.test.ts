import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { makeSqlRoles } from "../../src/pg/schema/SqlRoles.ts"
import { failing, prepareTopics } from "./SqlSessions.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
/** Roles are the whole server's: these are this file's own. */
const APP = `${database.name}_app`
const OTHER = `${database.name}_other`
const STRANGE = `${database.name} "O'Brien"; --`
const TEAM = `${database.name}_team`
const quoted = (role: string) => `"${role.replaceAll('"', '""')}"`
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

/** The schema, topics, roles without rights of any kind, and sessions of a superuser and of `app`. */
const open = Effect.gen(function* () {
  yield* database.empty
  yield* database.install()
  const psql = yield* database.psql()
  yield* prepareTopics(psql, ["orders", 2], ["orders-eu", 1], ["it''s \"q\"", 1])
  for (const role of [APP, OTHER, STRANGE, TEAM]) yield* psql.query(`create role ${quoted(role)} login`)
  yield* Effect.addFinalizer(() => {
    const all = [APP, OTHER, STRANGE, TEAM].map(quoted).join(", ")
    return Effect.ignore(psql.query(`reset role; drop owned by ${all} cascade; drop role ${all}`))
  })
  yield* psql.query(
    "grant usage, create on schema public to public; grant execute on function public.failure to public"
  )
  const app = yield* database.psql()
  yield* app.query(`set session authorization ${quoted(APP)}`)
  return { psql, app }
})

const produce = (topic: string) => `select kafka.produce(${literal(topic)}, 'x')`
/** Whether the session may produce to a topic; whatever else fails is no answer. */
const may = (session: PgConnection, topic = "orders") =>
  Effect.map(session.query(`select code from public.failure($s$${produce(topic)}$s$)`), ([row]) => {
    if (row !== undefined && row[0] !== "42501") throw new Error(`it fails with ${row[0]}`)
    return row === undefined
  })

describe("rights of a role", () => {
  it.live("begin with none, and are told of in full", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      expect((yield* failing(app, produce("orders"))).message).toBe("permission denied for schema kafka")
      yield* psql.query(`grant usage on schema kafka to ${APP}`)
      expect(yield* failing(app, produce("orders"))).toEqual({
        code: "42501",
        message: 'permission denied for topic "orders"',
        detail: `Role ${APP} has no right to write it by kafka.acls.`,
        hint: `As the owner of the schema: select kafka.allow('${APP}', 'write', 'orders').`
      })
      // Whether there is such a topic is not told.
      expect((yield* failing(app, produce("nope"))).code).toBe("42501")
      expect((yield* failing(app, "select kafka.produce_many('orders', array['x'])")).code).toBe("42501")
      expect((yield* failing(app, "select kafka.produce(null, 'x')")).code).toBe("22004")
      const known = `select kafka.produce('orders', 'x', dedup => 'd')`
      yield* psql.query(known)
      expect((yield* failing(app, known)).code).toBe("42501")
    })
  )

  it.live("are given, denied and undone", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      const say = (call: string) => psql.query(`select kafka.${call}`)
      yield* say(`allow('${APP}', 'write', 'orders')`)
      yield* say(`allow('${APP}', 'Write', 'orders', 'Topic', 'Literal')`)
      expect(yield* psql.query("select * from kafka.acls")).toEqual([
        ["TOPIC", "orders", "LITERAL", `User:${APP}`, "*", "WRITE", "ALLOW"]
      ])
      expect([yield* may(app), yield* may(app, "orders-eu")]).toEqual([true, false])
      expect(yield* app.query("select kafka.produce_many('orders', array['x'])")).toEqual([["1"]])
      yield* say(`deny('${APP}', 'all', 'orders', pattern_type => 'prefixed')`)
      expect(yield* may(app)).toBe(false)
      expect(yield* say(`revoke('${APP}', 'all', 'orders', pattern_type => 'prefixed')`)).toEqual([["1"]])
      expect(yield* may(app)).toBe(true)
      expect(yield* say(`revoke('${APP}', 'write', 'orders')`)).toEqual([["1"]])
      expect(yield* say(`revoke('${APP}', 'write', 'orders')`)).toEqual([["0"]])
      expect(yield* may(app)).toBe(false)

      for (const [allowed, orders, eu] of [
        [`'${APP}', 'all', 'orders'`, true, false],
        [`'${APP}', 'write', 'orders', pattern_type => 'prefixed'`, true, true],
        [`'${APP}', 'write', 'orders-', pattern_type => 'prefixed'`, false, true],
        [`'${APP}', 'write', '*'`, true, true],
        ["'User:*', 'write', 'orders'", true, false],
        [`'${APP}', 'read', '*'`, false, false],
        [`'${APP}', 'write', '*', 'group'`, false, false],
        [`'${OTHER}', 'write', '*'`, false, false],
        [`'Group:${TEAM}', 'write', '*'`, false, false]
      ] as const) {
        yield* say(`allow(${allowed})`)
        expect([yield* may(app), yield* may(app, "orders-eu")], allowed).toEqual([orders, eu])
        yield* say(`revoke(${allowed})`)
      }
      yield* say(`allow('Group:${TEAM}', 'write', 'orders')`)
      yield* psql.query(`grant ${TEAM} to ${APP}`)
      expect(yield* may(app)).toBe(true)
      yield* say(`deny('Group:${TEAM}', 'write', 'orders')`)
      expect(yield* may(app)).toBe(false)
      // Of a role that is gone.
      yield* psql.query(`drop owned by ${TEAM}; drop role ${TEAM}`)
      expect(yield* may(app)).toBe(false)
      expect(yield* say(`revoke('Group:${TEAM}', 'write', 'orders')`)).toEqual([["2"]])
      yield* psql.query(`create role ${TEAM}`)
    })
  )

  it.live("are given to nobody who is not there, and in no words that nobody knows", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      const cases: ReadonlyArray<readonly [call: string, code: string, message: string, hint: string]> = [
        ["'nobody', 'write', 'orders'", "42704", 'there is no role "nobody"', "'User:nobody'"],
        ["'Group:nobody', 'write', 'orders'", "42704", 'there is no role "nobody"', "'User:nobody'"],
        [`'${APP}', 'wirte', 'orders'`, "22023", 'there is no operation "wirte"', "read, write"],
        [`'${APP}', 'write', 'orders', 'topik'`, "22023", 'there is no resource type "topik"', "topic, group"],
        [`'${APP}', 'write', 'orders', 'topic', 'any'`, "22023", 'there is no pattern type "any"', "literal, prefixed"],
        [`'${APP}', null, 'orders'`, "22023", "there is no operation", "read, write"],
        [`'${APP}', 'write', null`, "22004", "the resource is null", ""],
        ["null, 'write', 'orders'", "22004", "the role is null", ""]
      ]
      for (const name of ["allow", "deny"]) {
        for (const [args, code, message, hint] of cases) {
          const failure = yield* failing(psql, `select kafka.${name}(${args})`)
          expect([failure.code, failure.message.includes(message), failure.hint.includes(hint)], args).toEqual([
            code,
            true,
            true
          ])
        }
      }
      yield* psql.query("select kafka.allow('User:CN=client,O=x', 'write', 'orders')")
      expect(yield* psql.query("select principal from kafka.acls")).toEqual([["User:CN=client,O=x"]])
      yield* psql.query(`select kafka.allow('${APP}', 'all', '*'); select kafka.allow('${APP}', 'all', '*', 'cluster')`)
      for (const name of ["allow", "deny", "revoke"]) {
        expect((yield* failing(app, `select kafka.${name}('${APP}', 'write', 'orders')`)).message).toContain(
          `permission denied for function ${name}`
        )
      }
    })
  )

  it.live("are those of the session's role: of SET ROLE, and not of a function that calls", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* psql.query(`select kafka.allow('${OTHER}', 'write', 'orders'); grant usage on schema kafka to ${APP}`)
      yield* psql.query(`create function public.lent() returns bigint language plpgsql security definer as $$
        begin return kafka.produce('orders', 'x'); end $$; alter function public.lent owner to ${OTHER}`)
      expect((yield* failing(app, "select public.lent()")).code).toBe("42501")
      yield* psql.query(`grant ${OTHER} to ${APP}`)
      // A member of a role has what is given to the group, not what is given to the user of that name.
      expect(yield* may(app)).toBe(false)
      yield* app.query(`set role ${OTHER}`)
      expect(yield* may(app)).toBe(true)
      expect(yield* app.query("select kafka.session_role()")).toEqual([[OTHER]])
      yield* app.query("reset role")
      expect(yield* may(app)).toBe(false)
      expect(yield* may(psql)).toBe(true)
      yield* psql.query(`set role ${APP}`)
      expect(yield* may(psql)).toBe(false)
      expect((yield* failing(psql, "select public.lent()")).code).toBe("42501")
      yield* psql.query("reset role")
    })
  )

  it.live("are all that there are for the owner, and for who has the owner's privileges", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* psql.query(`grant create on database ${database.name} to ${OTHER}; drop schema kafka cascade`)
      yield* database.install(undefined, { user: OTHER })
      yield* psql.query("drop function public.failure")
      yield* prepareTopics(psql, ["orders", 1])
      const owner = yield* database.psql()
      yield* owner.query(`set session authorization ${OTHER}; select kafka.deny('${OTHER}', 'all', '*')`)
      expect([yield* may(owner), yield* may(psql)]).toEqual([true, true])
      yield* owner.query(`select kafka.allow('${APP}', 'write', 'orders')`)
      expect(yield* may(app)).toBe(true)
      yield* owner.query(`select kafka.deny('${APP}', 'write', 'orders')`)
      expect(yield* may(app)).toBe(false)
      yield* psql.query(`grant ${OTHER} to ${APP}`)
      expect(yield* may(app)).toBe(true)
    })
  )

  it.live("take every name as it is", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* psql.query(`select kafka.allow(${literal(STRANGE)}, 'write', 'it''s "q"')`)
      yield* app.query("reset session authorization")
      yield* app.query(`set session authorization ${quoted(STRANGE)}`)
      expect([yield* may(app, `it's "q"`), yield* may(app)]).toEqual([true, false])
      expect((yield* failing(app, produce("x' or true; --"))).message).toBe(
        'permission denied for topic "x\' or true; --"'
      )
      const { hint } = yield* failing(app, produce("x' or true; --"))
      yield* psql.query(/select .*(?=\.)/.exec(hint)![0])
      expect((yield* failing(app, produce("x' or true; --"))).code).toBe("42704")
      expect(
        (yield* failing(psql, `select kafka.allow('User:x''; drop table kafka.topics; --', 'write''', 'o')`)).code
      ).toBe("22023")
      expect(yield* psql.query("select count(*) from kafka.topics")).toEqual([["3"]])
    })
  )
})

/** What a caller would like to have called in the place of Postgres' own, and Tusk's: each of them fails. */
const TRAPS = `
  create schema evil; grant usage on schema evil to public;
  create function evil.caught() returns boolean language plpgsql as $$ begin
    raise exception 'caught as %', current_user; end $$;
  ${["text", "name", "integer", "bigint", "oid", "jsonb", "bytea", '"char"', "boolean", "double precision"]
    .flatMap((type) =>
      [
        "=",
        "<>",
        "<",
        ">",
        "<=",
        ">=",
        "+",
        "-",
        "*",
        "%",
        "&",
        "|",
        "#",
        "<<",
        ">>",
        "||",
        "~~",
        "~",
        "->",
        "->>"
      ].map(
        (operator, i) =>
          (i === 0
            ? `create function evil.op(a ${type}, b ${type}) returns boolean language sql as 'select evil.caught()';`
            : "") + `create operator evil.${operator} (leftarg = ${type}, rightarg = ${type}, function = evil.op);`
      )
    )
    .join("\n")}
  ${[
    "may(name, text, text, text)",
    "session_role()",
    "current_setting(text)",
    "octet_length(bytea)",
    "octet_length(text)",
    "pg_has_role(oid, name, text)",
    "to_regrole(text)",
    "convert_to(text, name)",
    "get_byte(bytea, integer)",
    "floor(double precision)",
    "hashtext(text)",
    "clock_timestamp()",
    "upper(text)",
    "format(text, variadic text[])",
    "pg_notify(text, text)",
    "pg_try_advisory_xact_lock_shared(integer, integer)",
    "starts_with(text, text)",
    "jsonb_typeof(jsonb)",
    "quote_ident(text)"
  ]
    .map((signature) => `create function evil.${signature} returns boolean language sql as 'select evil.caught()';`)
    .join("\n")}
  create domain evil.text as integer; create domain evil.name as integer; create domain evil.bytea as integer;
  create domain evil.jsonb as integer; create domain evil.timestamptz as integer;
  create table evil.pg_roles (rolname pg_catalog.text); create table evil.pg_namespace (nspname pg_catalog.text)`

describe("the search_path of a caller", () => {
  it.live("changes nothing: no function, operator, type or table of it is taken for ours", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* psql.query(TRAPS)
      yield* psql.query(
        `select kafka.allow('${APP}', 'write', 'orders'); grant temporary on database ${database.name} to ${APP}`
      )
      const calls = [
        "select kafka.produce('orders', value => 'x')",
        "select kafka.produce('orders', value => 'x', key => 'abcdefg', dedup => 'd', headers => kafka.headers('{\"a\": \"b\"}'))",
        "select kafka.produce('orders', value => '\\x01'::pg_catalog.bytea, key => 'k')",
        "select kafka.produce('orders', value => '{}'::pg_catalog.jsonb, key => 'k')",
        "select kafka.produce_many('orders', array['x'::pg_catalog.text], array['k'::pg_catalog.text])"
      ]
      const before = yield* app.query("select kafka.session_role()")
      for (const session of [app, psql]) {
        for (const table of ["topics", "partitions", "configs", "acls", "outbox", "pg_roles", "pg_authid"]) {
          yield* session.query(`create temporary table ${table} (name text, role text, rolname text)`)
        }
        yield* session.query("set search_path = evil, pg_temp, kafka, pg_catalog")
        expect(
          String(yield* Effect.flip(session.query("select 1 from pg_catalog.pg_class where oid = 1::pg_catalog.oid")))
        ).toContain("caught")
        // Twice: a plan of the first call is not one of the second.
        for (const call of [...calls, ...calls]) yield* session.query(call)
      }
      yield* psql.query(`select kafka.allow('${OTHER}', 'write', 'orders'); select kafka.deny('${OTHER}', 'read', 'orders');
        select kafka.revoke('${OTHER}', 'read', 'orders')`)
      expect(yield* app.query("select kafka.session_role()")).toEqual(before)
      yield* psql.query("set search_path = pg_catalog")
      expect(yield* psql.query("select count(*) from kafka.outbox")).toEqual([["17"]])
      expect(yield* psql.query("select principal from kafka.acls order by 1")).toEqual([
        [`User:${APP}`],
        [`User:${OTHER}`]
      ])
    })
  )

  it.live("is of no matter to what runs as the owner: each such function has its own", () =>
    Effect.gen(function* () {
      const { psql } = yield* open
      expect(
        yield* psql.query(`select proname from pg_proc where pronamespace = 'kafka'::regnamespace and prosecdef
          and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)`)
      ).toEqual([])
    })
  )
})

describe("what everybody may call", () => {
  it.live("is what asks for rights itself, or needs none; no table is readable, but a view that asks", () =>
    Effect.gen(function* () {
      const { psql } = yield* open
      yield* psql.query(`grant usage on schema kafka to ${APP}`)
      const closed = yield* psql.query(`select distinct proname from pg_proc where pronamespace = 'kafka'::regnamespace
        and not has_function_privilege('${APP}', oid, 'execute') order by 1`)
      expect(closed.flat()).toEqual(
        expect.arrayContaining([
          ...[
            "acl_of",
            "all_there",
            "allow",
            "broker_sleeps",
            "check_role",
            "deny",
            "first_call",
            "header_bytes",
            "may"
          ],
          ...["place_of", "record_bytes", "record_time", "refuse_record", "refuse_right", "revoke", "topics_changed"]
        ])
      )
      for (const name of ["produce", "produce_many", "headers", "murmur2", "session_role"]) {
        expect(closed.flat()).not.toContain(name)
      }
      expect(
        yield* psql.query(`select relname from pg_class where relnamespace = 'kafka'::regnamespace
          and relkind in ('r', 'v') and has_table_privilege('${APP}', oid, 'select, insert, update, delete')`)
      ).toEqual([["erasures"], ["materialised"], ["topic_records"]])
    })
  )
})

describe("tusk sql roles", () => {
  const ROLES = ["kafka_producer", "kafka_consumer", "kafka_admin"]

  it.live("makes three roles, as often as one likes", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* Effect.addFinalizer(() => {
        const all = ROLES.join(", ")
        return Effect.ignore(psql.query(`drop owned by ${all} cascade; drop role ${all}`))
      })
      const first = yield* makeSqlRoles(psql)
      expect(first.refused).toBeUndefined()
      expect(first.statements.filter((each) => each.startsWith("create role")).length).toBe(3)
      const acls = psql.query(
        `select principal, operation, resource_type, resource_name from kafka.acls order by 1, 2, 3`
      )
      const made = yield* acls
      expect(made).toEqual([
        ...["CLUSTER", "GROUP", "TOPIC", "TRANSACTIONAL_ID"].map((type) => ["Group:kafka_admin", "ALL", type, "*"]),
        ["Group:kafka_consumer", "READ", "GROUP", "*"],
        ["Group:kafka_consumer", "READ", "TOPIC", "*"],
        ["Group:kafka_producer", "WRITE", "TOPIC", "*"]
      ])
      const second = yield* makeSqlRoles(psql)
      expect(second.statements).toEqual(first.statements.slice(3))
      expect(yield* acls).toEqual(made)

      const asMember = (role: string) =>
        Effect.gen(function* () {
          yield* psql.query(`grant ${role} to ${APP}`)
          const produces = yield* may(app)
          const allows = yield* app.query(
            `select count(*) = 0 from public.failure($$select kafka.allow('${OTHER}', 'read', 'orders')$$)`
          )
          const reads = yield* app.query(
            "select count(*) = 0 from public.failure($$select * from kafka.topic_overview$$)"
          )
          yield* psql.query(`revoke ${role} from ${APP}`)
          return [produces, allows[0]![0], reads[0]![0]]
        })
      expect(yield* asMember("kafka_producer")).toEqual([true, "f", "f"])
      expect(yield* asMember("kafka_consumer")).toEqual([false, "f", "f"])
      expect(yield* asMember("kafka_admin")).toEqual([true, "t", "t"])
    })
  )

  it.live("none of them reads secrets, those that were given are taken back; admins see who may do what", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      yield* Effect.addFinalizer(() => {
        const all = ROLES.join(", ")
        return Effect.ignore(psql.query(`drop owned by ${all} cascade; drop role ${all}`))
      })
      yield* makeSqlRoles(psql)
      // As somebody may have done who meant well.
      yield* psql.query("grant select on all tables in schema kafka to kafka_admin")
      yield* makeSqlRoles(psql)
      yield* psql.query(`grant ${ROLES.join(", ")} to ${APP}`)
      for (const table of ["scram_users", "delegation_tokens"]) {
        expect(yield* failing(app, `select * from kafka.${table}`)).toMatchObject({
          code: "42501",
          message: `permission denied for table ${table}`
        })
        expect((yield* failing(app, `insert into kafka.${table} default values`)).code).toBe("42501")
      }
      yield* psql.query(`select kafka.deny('${APP}', 'two_phase_commit', 'tx-', 'transactional_id', 'prefixed')`)
      yield* psql.query(`insert into kafka.quotas values ('<default>', 'app', '', 'producer_byte_rate', 1e6)`)
      expect(yield* app.query("select * from kafka.acl_overview where permission = 'deny'")).toEqual([
        [`User:${APP}`, "deny", "two_phase_commit", "transactional_id", "tx-", "prefix", "*"]
      ])
      expect(yield* app.query("select * from kafka.quota_overview")).toEqual([
        ["user and client", "<default>", "app", null, "producer_byte_rate", "1000000"]
      ])
      // Of producers and consumers nobody is asked.
      yield* psql.query(`revoke kafka_admin from ${APP}`)
      for (const view of ["acl_overview", "quota_overview", "acls"]) {
        expect((yield* failing(app, `select * from kafka.${view}`)).code).toBe("42501")
      }
    })
  )

  it.live("tells what to run where the caller may not, and does nothing", () =>
    Effect.gen(function* () {
      const { app, psql } = yield* open
      const told = yield* makeSqlRoles(app)
      expect(told.refused).toMatch(/^the schema kafka belongs to postgres, not to /)
      yield* psql.query(`grant create on database ${database.name} to ${APP}; drop schema kafka cascade`)
      expect((yield* makeSqlRoles(app)).refused).toContain("start Tusk first")
      yield* database.install(undefined, { user: APP })
      const { refused, statements } = yield* makeSqlRoles(app)
      expect(refused).toBe(`${APP} may not create roles`)
      expect(yield* psql.query("select rolname from pg_roles where rolname ~ '^kafka_'")).toEqual([])
      expect(yield* psql.query("select * from kafka.acls")).toEqual([])
      yield* psql.query(`begin; ${statements.join("; ")}`)
      expect(yield* psql.query("select count(*) from kafka.acls")).toEqual([["7"]])
      yield* psql.query("rollback")
    })
  )
})
