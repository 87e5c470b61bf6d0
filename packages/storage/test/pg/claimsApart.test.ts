import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { claim, commit, failure, openApp, poll } from "./ConsumeInSql.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const open = () => openApp(database)

describe("transactions with a snapshot of their own", () => {
  it.live("fail if they took it before the claim that is in force, and pass otherwise", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open()
      for (const level of ["repeatable read", "serializable"]) {
        const { claim: old } = yield* claim(psql)
        yield* psql.query(`begin isolation level ${level}; select count(*) from public.done; savepoint s`)
        yield* claim(other)
        // To this transaction its claim is the newest.
        expect(yield* failure(psql.query(commit(2, old)))).toBe("40001")
        yield* psql.query("rollback to s")
        expect(yield* failure(claim(psql))).toBe("40001")
        yield* psql.query("rollback")
        yield* psql.query(`begin isolation level ${level}`)
        const { records, claim: mine } = yield* poll(psql)
        expect(records.length).toBe(3)
        yield* psql.query(`${commit(2, mine)}; commit`)
      }
    })
  )

  it.live("do not make the first claim, which they could not see another one of", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open()
      yield* psql.query("begin isolation level repeatable read; select count(*) from public.done")
      yield* other.query(commit(5, (yield* claim(other)).claim))
      expect(yield* failure(claim(psql))).toBe("25001")
    })
  )
})

describe("rights", () => {
  it.live("are READ of the topic and of the group, of the session's role", () =>
    Effect.gen(function* () {
      const { psql } = yield* open()
      const role = `${database.name}_app`
      yield* psql.query(`create role ${role}; grant usage on schema kafka to ${role}`)
      yield* Effect.gen(function* () {
        const app = yield* database.psql()
        yield* app.query(`set role ${role}`)
        const allow = (kind: string, name: string, permission = "ALLOW") =>
          psql.query(`insert into kafka.acls (resource_type, resource_name, principal, operation, permission_type)
            values ('${kind}', '${name}', 'User:${role}', 'READ', '${permission}')`)
        expect(yield* failure(claim(app))).toBe("42501")
        yield* allow("TOPIC", "t")
        expect(yield* failure(claim(app))).toBe("42501")
        yield* allow("GROUP", "g")
        const mine = yield* claim(app)
        yield* app.query(commit(2, mine.claim))
        expect((yield* poll(app)).records.length).toBe(3)
        expect(yield* psql.query("select role from kafka.claims")).toEqual([[role]])
        expect(yield* failure(claim(app, 0, "h"))).toBe("42501")
        for (const call of [
          "kafka.take_claim('g', 1)",
          "kafka.commit_claimed('g', 1, 1, 1)",
          "kafka.tell_offset('g', 1, 1, 1)",
          "kafka.lock_claim('g', 1, false)"
        ]) {
          expect(yield* failure(app.query(`select ${call}`))).toBe("42501")
        }
        yield* allow("TOPIC", "t", "DENY")
        expect(yield* failure(poll(app))).toBe("42501")
        expect(yield* failure(app.query(commit(3, mine.claim)))).toBe("42501")
        expect(yield* failure(app.query("select kafka.release('g')"))).toBe("42501")
      }).pipe(Effect.scoped, Effect.ensuring(Effect.ignore(psql.query(`drop owned by ${role}; drop role ${role}`))))
    })
  )

  it.live("objects of a caller's own that have the names of built-in ones are not used", () =>
    Effect.gen(function* () {
      const { psql } = yield* open()
      yield* psql.query(`create schema mine;
        create function mine.clock_timestamp() returns timestamptz language sql as 'select ''1999-01-01''::timestamptz';
        set search_path = mine, pg_catalog`)
      yield* claim(psql)
      expect(yield* psql.query("select claimed_at > '2020-01-01' from kafka.claims")).toEqual([["t"]])
    })
  )
})

describe("a snapshot that is held elsewhere", () => {
  it.live("is not in the way of claims and commits", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open()
      const { claim: mine } = yield* claim(psql)
      yield* other.query("begin isolation level repeatable read; select count(*) from kafka.sql_offsets")
      yield* psql.query(`do $$ begin
        for i in 1 .. 3000 loop perform kafka.commit_offsets('g', 't', 0, i % 10, ${mine}); commit; end loop; end $$`)
      for (const call of [
        commit(1, mine).slice("select ".length),
        "kafka.claim('g', 't', 0)",
        "kafka.poll('g', 't', 1)"
      ]) {
        // The first time in a session Postgres looks up what the functions name.
        yield* psql.query(`begin; select * from ${call}; rollback`)
        const [plan] = yield* psql.query(`explain (analyze, buffers, format json) select * from ${call}`)
        const { Plan } = JSON.parse(plan![0]!)[0]
        expect(Plan["Shared Hit Blocks"] + Plan["Shared Read Blocks"]).toBeLessThan(60)
      }
      expect(yield* psql.query("select count(*) from kafka.sql_offsets")).toEqual([["1"]])
    })
  )
})
