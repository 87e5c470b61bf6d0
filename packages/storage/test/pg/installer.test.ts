import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"
import { append, topic } from "./Appends.ts"
import { pooler } from "./Pooler.ts"
import { openStore } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

/** Installs what is missing, stores a batch, and finds it. */
const serves = (options: PgOptions) =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* openStore(options)
      yield* store.acquire(NOTHING_TOLD)
      const [before] = yield* store.loadPartitions([1])
      yield* store.commit(before === undefined ? [topic, [append(0n)]] : [[append(before.endOffset)]])
      return (yield* store.loadPartitions([1]))[0]!.endOffset
    })
  )

const refusalOf = (options: PgOptions) => Effect.map(Effect.flip(serves(options)), String)

describe("installing the schema", () => {
  it.live("works behind a pooler in session mode, which takes no settings from a client that connects", () =>
    Effect.gen(function* () {
      yield* database.empty
      const pooled = yield* pooler(database.options(), "session")
      expect(yield* serves(pooled)).toBe(1n)
      expect(yield* serves(pooled)).toBe(2n)
    })
  )

  const settings = [
    "statement_timeout = '1ms'",
    "default_transaction_isolation = 'serializable'",
    "idle_in_transaction_session_timeout = '1ms'",
    "default_tablespace = 'nope'",
    "standard_conforming_strings = off",
    "bytea_output = 'escape'",
    "datestyle = 'German'",
    "search_path = 'nowhere'",
    "client_min_messages = 'debug1'",
    "lock_timeout = '1ms'",
    "row_security = off"
  ]
  for (const setting of settings) {
    it.live(`works, first and again, in a database with ${setting}`, () =>
      Effect.gen(function* () {
        yield* database.empty
        const psql = yield* database.psql("postgres")
        const name = setting.slice(0, setting.indexOf(" "))
        yield* Effect.addFinalizer(() => Effect.ignore(psql.query(`alter database ${database.name} reset ${name}`)))
        yield* psql.query(`alter database ${database.name} set ${setting}`)
        expect(yield* serves(database.options())).toBe(1n)
        expect(yield* serves(database.options())).toBe(2n)
      })
    )
  }

  it.live("default_transaction_read_only is told with what takes it all the same, which then works", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql("postgres")
      const set = (to: string) => psql.query(`alter database ${database.name} ${to}`)
      yield* Effect.addFinalizer(() => Effect.ignore(set("reset default_transaction_read_only")))
      yield* set("set default_transaction_read_only = on")
      expect(yield* refusalOf(database.options())).toContain("target_session_attrs=primary takes it all the same")
      expect(yield* serves(database.options({ targetSessionAttrs: "primary" }))).toBe(1n)
    })
  )

  it.live("tells the first cause, and leaves nothing behind", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      yield* psql.query("create schema kafka; create table kafka.batches ()")
      const message = yield* refusalOf(database.options())
      expect(message).toContain('cannot take step 0001_init: relation "batches" already exists (42P07)')
      expect(message).not.toContain("aborted")
      expect(yield* psql.query("select relname from pg_class where relnamespace = 'kafka'::regnamespace")).toEqual([
        ["batches"]
      ])
    })
  )

  it.live("of a role that may not, tells the grant that it takes", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const role = `${database.name} r`
      yield* psql.query(`create role "${role}" login`)
      yield* Effect.addFinalizer(() =>
        Effect.ignore(psql.query(`drop schema if exists kafka cascade; drop owned by "${role}"; drop role "${role}"`))
      )
      const options = database.options({ user: role })
      const message = yield* refusalOf(options)
      const grant = /once: (grant .*)$/.exec(message)?.[1]
      expect(grant).toBe(`grant create on database "${database.name}" to "${role}"`)
      yield* psql.query(grant!)
      expect(yield* serves(options)).toBe(1n)
      yield* psql.query("drop schema kafka cascade; create schema kafka; grant all on schema kafka to public")
      yield* database.install(3)
      expect(yield* refusalOf(options)).toMatch(
        /the schema belongs to "postgres": run tusk migrate --grant-to "[^"]+" as that role/
      )
    })
  )

  it.live("says for which session an upgrade waits, gives it up in time, and goes on when that is over", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install(2)
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const reader = yield* database.psql()
      const [self] = yield* reader.query("select pg_backend_pid()")
      yield* reader.query("begin; select * from kafka.partition_overview; select * from kafka.offsets")
      const message = yield* refusalOf(database.options({ lockTimeoutMs: 1500 })).pipe(
        Effect.provide(Logger.layer([logger]))
      )
      const who = `psql of user postgres on this machine, Postgres process ${self![0]}, in a transaction since`
      expect(lines.filter((line) => line.includes(`installer waits for a lock of ${who}`)).length).toBe(1)
      expect(message).toContain(`it waited 1500 ms for ${who}`)
      expect(message).toContain("end what that session does")
      yield* reader.query("rollback")
      expect(yield* serves(database.options())).toBe(1n)
    })
  )
})
