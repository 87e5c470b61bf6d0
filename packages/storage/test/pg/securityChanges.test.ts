import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { Store } from "../../src/port/Store.ts"
import { Write } from "../../src/port/Write.ts"
import { Acls } from "../../src/security/Acls.ts"
import { DelegationTokens } from "../../src/security/DelegationTokens.ts"
import type { Kept } from "../../src/security/Kept.ts"
import { Quotas } from "../../src/security/Quotas.ts"
import { ScramCredentials } from "../../src/security/ScramCredentials.ts"
import { acl, credential, securityOver } from "../security/keptServices.ts"
import { PostgresServer } from "./PostgresServer.ts"
import { openStore, terminateWriter } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
const layer = Layer.effect(Store, Effect.orDie(database.open()))

/** What is kept once it fits, by the events of changes alone. */
const until = <Row>(kept: Kept<Row>, fits: (rows: ReadonlyArray<Row>) => boolean) =>
  Effect.gen(function* () {
    const found = Deferred.makeUnsafe<ReadonlyArray<Row>>()
    const look = () => {
      const rows = Array.from(kept.current().values())
      if (fits(rows)) Deferred.doneUnsafe(found, Effect.succeed(rows))
    }
    const stop = kept.onChange(look)
    look()
    return yield* Effect.ensuring(Deferred.await(found), Effect.sync(stop))
  })

const has = (kept: Acls["Service"], ...principals: ReadonlyArray<string>) =>
  until(
    kept,
    (rows) =>
      rows
        .map(({ principal }) => principal)
        .toSorted()
        .join() === principals.toSorted().join()
  )

const count = (session: { query: (sql: string) => Effect.Effect<unknown, unknown> }) =>
  Effect.map(session.query("select count(*) from kafka.security_changes"), (rows) => Number((rows as [[string]])[0][0]))

describe("what SQL changes of security", () => {
  it.live("reaches the broker that serves, of all four tables", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      yield* securityOver(
        layer,
        Effect.gen(function* () {
          const acls = yield* Acls
          yield* psql.query("select kafka.allow('User:a', 'read', 'orders')")
          expect(yield* has(acls, "User:a")).toEqual([acl("User:a")])
          yield* psql.query("select kafka.deny('User:b', 'read', 'orders')")
          yield* has(acls, "User:a", "User:b")
          yield* psql.query("select kafka.revoke('User:a', 'read', 'orders')")
          yield* has(acls, "User:b")
          yield* psql.query("truncate kafka.acls")
          yield* has(acls)

          const users = yield* ScramCredentials
          yield* psql.query(
            `insert into kafka.scram_users values ('a', 'SCRAM-SHA-256', 4096, 'salt', 'stored', 'server')`
          )
          expect(yield* until(users, ({ length }) => length === 1)).toEqual([credential("a", 4096)])
          yield* psql.query("update kafka.scram_users set iterations = 5000")
          yield* until(users, ([user]) => user!.iterations === 5000)
          const quotas = yield* Quotas
          yield* psql.query(
            "insert into kafka.quotas (ip, quota_key, value) values ('<default>', 'connection_creation_rate', 9)"
          )
          expect(yield* until(quotas, ({ length }) => length === 1)).toEqual([
            { user: "", clientId: "", ip: "<default>", key: "connection_creation_rate", value: 9 }
          ])
          const tokens = yield* DelegationTokens
          yield* psql.query(
            `insert into kafka.delegation_tokens values ('t', 'h', 'User:a', 'User:a', '["User:b"]', 1, 3, 2)`
          )
          const [token] = yield* until(tokens, ({ length }) => length === 1)
          expect(token).toMatchObject({ tokenId: "t", renewers: ["User:b"], expiryTimestamp: 2n })
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("is told once it is committed, once a transaction; what the broker stores is not", () =>
    Effect.gen(function* () {
      yield* database.empty
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      const security = store.security!
      const psql = yield* database.psql()
      const row = "insert into kafka.quotas (user_name, quota_key, value) values"
      yield* store.commit([[Write.PutAcl(acl("User:own")), Write.PutScramCredential(credential("own", 1))]])
      yield* store.commit([[Write.DeleteAcl(acl("User:own"))]])
      expect(yield* security.changes).toEqual([])
      yield* psql.query(`begin; ${row} ('gone', 'producer_byte_rate', 1); rollback`)
      yield* psql.query(`begin; ${row} ('a', 'producer_byte_rate', 1); savepoint s; ${row} ('b', 'producer_byte_rate', 1);
        rollback to s; select kafka.allow('User:a', 'read', 't'); commit`)
      yield* psql.query(`begin; ${row} ('c', 'producer_byte_rate', 1)`)
      yield* security.woken(600_000)
      const changes = yield* security.changes
      expect(changes.length).toBe(1)
      const { acls, quotas } = yield* security.load
      expect([acls.length, quotas.map(({ user }) => user)]).toEqual([1, ["a"]])
      yield* security.seen(changes)
      expect(yield* security.changes).toEqual([])
      yield* psql.query("commit")
      yield* security.woken(600_000)
      expect((yield* security.changes).length).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live("reaches a broker that has lost its sessions, and the one that takes over", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      yield* securityOver(
        layer,
        Effect.gen(function* () {
          const acls = yield* Acls
          yield* psql.query("select kafka.allow('User:a', 'read', 'orders')")
          yield* has(acls, "User:a")
          // It cannot hear of this one.
          yield* psql.query(`begin; select pg_terminate_backend(pid) from pg_stat_activity
            where application_name like '% outbox' and datname = current_database();
            select kafka.allow('User:b', 'read', 'orders'); commit`)
          yield* has(acls, "User:a", "User:b")
          yield* psql.query("select kafka.allow('User:c', 'read', 'orders')")
          yield* has(acls, "User:a", "User:b", "User:c")
          yield* terminateWriter(psql)
          yield* psql.query("select kafka.revoke('User:a', 'read', 'orders')")
          yield* has(acls, "User:b", "User:c")
          yield* psql.query("select kafka.revoke('User:b', 'read', 'orders')")
          yield* has(acls, "User:c")
        })
      )
      yield* psql.query("select kafka.allow('User:later', 'read', 'orders')")
      yield* securityOver(
        layer,
        Effect.gen(function* () {
          yield* has(yield* Acls, "User:c", "User:later")
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("reaches a broker in a schema of its own, and no other", () =>
    Effect.gen(function* () {
      yield* database.empty
      const schema = "other kafka"
      const [mine, theirs] = [yield* database.psql(undefined, { schema }), yield* database.psql()]
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      yield* securityOver(
        Layer.effect(Store, Effect.orDie(database.open({ schema }))),
        Effect.gen(function* () {
          const acls = yield* Acls
          yield* mine.query("select kafka.allow('User:a', 'read', 'orders')")
          yield* has(acls, "User:a")
          expect(yield* store.security!.changes).toEqual([])
          yield* theirs.query("select kafka.allow('User:b', 'read', 'orders')")
          expect((yield* store.security!.changes).length).toBe(1)
          expect(yield* count(mine)).toBe(0)
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("may be prepared, where transactions may be: it says nothing, and is found by looking", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      server.settings = { max_prepared_transactions: "4" }
      yield* server.start
      const store = yield* openStore(server.options())
      yield* store.acquire(NOTHING_TOLD)
      const security = store.security!
      const psql = yield* server.psql
      yield* psql.query("begin; select kafka.allow('User:a', 'read', 'orders'); prepare transaction 'later'")
      expect(yield* security.changes).toEqual([])
      yield* psql.query("commit prepared 'later'")
      yield* security.woken(10)
      expect((yield* security.changes).length).toBe(1)
    }).pipe(Effect.scoped)
  )
})
