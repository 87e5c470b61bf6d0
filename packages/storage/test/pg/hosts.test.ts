import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { endpointsOf } from "../../src/pg/connection/Endpoint.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"
import { append, topic } from "./Appends.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { PostgresServer, until } from "./PostgresServer.ts"
import { openStore, terminateWriter } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

/** Lines of the log, and the layer that collects them. */
const collecting = () => {
  const lines: Array<string> = []
  const layer: Layer.Layer<never> = Logger.layer([
    Logger.make(({ message }) => {
      lines.push(String(message))
    })
  ])
  return { lines, layer }
}

const acquire = (options: PgOptions) =>
  Effect.scoped(Effect.flatMap(openStore(options), (store) => store.acquire(NOTHING_TOLD)))

/** A port at which no server listens. */
const nobody = Effect.map(Effect.scoped(cuttingProxy({ host: "/nowhere" })), ({ options }) => options.port!)

describe("several hosts", () => {
  it.live("are tried in order, and what will not do is passed over", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      const standby = yield* PostgresServer.standbyOf(server)
      yield* server.start
      yield* standby.start
      const down = yield* nobody
      const [first, second] = [yield* cuttingProxy(standby.options()), yield* cuttingProxy(server.options())]
      const options: PgOptions = {
        url: `postgres://postgres@127.0.0.1:${down},127.0.0.1:${first.options.port},127.0.0.1:${second.options.port}/postgres`,
        ssl: false,
        unsafeDurability: "ignore"
      }
      const store = yield* openStore(options)
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n)]])
      yield* store.ping
      yield* store.heartbeat
      assert.lengthOf(yield* store.loadPartitions([1]), 1)
      const psql = yield* server.psql
      yield* psql.query("alter database postgres set default_transaction_read_only = on")
      const refused = yield* Effect.flip(acquire(options))
      assert.strictEqual(
        (refused as Error).message,
        `none of the database's servers will do: cannot reach Postgres at 127.0.0.1:${down}: connect ECONNREFUSED 127.0.0.1:${down}; ` +
          `Postgres at 127.0.0.1:${first.options.port} is a standby; ` +
          `Postgres at 127.0.0.1:${second.options.port} is read-only: default_transaction_read_only is on for this role or database; target_session_attrs=primary takes it all the same`
      )
      // A broker that asks for a primary writes there, whatever sessions begin as.
      const held = yield* Effect.flip(acquire({ ...options, targetSessionAttrs: "primary", lockWaitMs: 1 }))
      assert.strictEqual((held as { _tag: string })._tag, "LockHeld")
    })
  )

  it.live("are not kept waiting by one that vanished", () => {
    const database = new TestDatabase()
    return Effect.gen(function* () {
      yield* database.empty
      const [silent, server] = [yield* cuttingProxy(database.options()), yield* cuttingProxy(database.options())]
      silent.mute()
      const url = `postgres://postgres@127.0.0.1:${silent.options.port},127.0.0.1:${server.options.port}`
      const { host: _host, port: _port, ...rest } = server.options
      const start = yield* Clock.currentTimeMillis
      yield* acquire({ ...rest, url, connectTimeoutMs: 60_000 })
      assert.isBelow((yield* Clock.currentTimeMillis) - start, 5000)
      // If no other server is there, it has all the time that the settings say.
      server.refuse()
      const refused = yield* Effect.flip(acquire({ ...rest, url, connectTimeoutMs: 2000 }))
      assert.include((refused as Error).message, "did not answer in 2000 ms; ")
    })
  })

  it.effect("a name is all of its addresses, an address is itself", () =>
    Effect.gen(function* () {
      const addresses = (host: string) => endpointsOf({ host, port: 1, path: undefined }, 1000)
      assert.deepStrictEqual(
        (yield* addresses("::1")).map(({ address, label }) => [address, label]),
        [["::1", "::1:1"]]
      )
      const local = yield* addresses("localhost")
      assert.include(
        local.map(({ address }) => address),
        "127.0.0.1"
      )
      for (const { address, host, label } of local) {
        assert.strictEqual(label, local.length === 1 ? `${host}:1` : `${host}:1 (${address})`)
      }
      const unknown = yield* Effect.flip(addresses("nobody.invalid"))
      assert.match(unknown.message, /^cannot reach Postgres at nobody\.invalid:1: /)
    })
  )
})

describe("a start waits for its database", () => {
  const lineOf = (lines: ReadonlyArray<string>, start: string) =>
    Effect.gen(function* () {
      while (!lines.some((line) => line.startsWith(start))) yield* Effect.sleep(5)
    })

  it.live("that is away, as long as the settings say, and says so once", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      const { layer, lines } = collecting()
      const waiting = yield* Effect.forkChild(
        Effect.provide(acquire(server.options({ startTimeoutMs: 60_000 })), layer)
      )
      yield* lineOf(lines, "waiting for the database: cannot reach Postgres at ")
      yield* server.start
      yield* Fiber.join(waiting)
      assert.strictEqual(lines.filter((line) => line.startsWith("waiting")).length, 1)
    })
  )

  it.live("that cannot write yet", () =>
    Effect.gen(function* () {
      const primary = yield* PostgresServer.make
      const standby = yield* PostgresServer.standbyOf(primary)
      yield* primary.start
      yield* standby.start
      const { layer, lines } = collecting()
      const waiting = yield* Effect.forkChild(
        Effect.provide(acquire(standby.options({ startTimeoutMs: 60_000 })), layer)
      )
      yield* lineOf(lines, `waiting for the database: Postgres at ${standby.folder}/.s.PGSQL.5432 is a standby`)
      yield* standby.promote
      yield* Fiber.join(waiting)
    })
  )

  it.live("and for nothing that a person has to put right first", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      yield* server.start
      const psql = yield* server.psql
      yield* psql.query("create role guarded login password 'right'")
      yield* server.demandPasswords
      const startTimeoutMs = 60_000
      const refusals = [
        [{ database: "nowhere" }, 'database "nowhere" does not exist'],
        [{ user: "guarded", password: "wrong" }, "password authentication failed"],
        [{ user: "guarded" }, "asks for a password of user guarded"],
        [{ ssl: true }, "has no TLS"]
      ] as const
      for (const [more, reason] of refusals) {
        const refused = yield* Effect.flip(acquire(server.options({ ...more, startTimeoutMs })))
        assert.include((refused as Error).message, reason)
      }
      const now = yield* Effect.flip(acquire(server.options({ host: "/nowhere" })))
      assert.include((now as Error).message, "cannot reach Postgres at /nowhere/.s.PGSQL.5432")
    })
  )
})

describe("a broker that stands by", () => {
  it.live("waits for the lock without end, says for which broker, and takes over", () => {
    const database = new TestDatabase()
    return Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const store = yield* database.open({ applicationName: "tusk/first" })
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n)]])
      const { layer, lines } = collecting()
      const second = yield* database.open({ standby: true, lockWaitMs: 1 })
      const standing = yield* Effect.forkChild(Effect.provide(second.acquire(NOTHING_TOLD), layer))
      while (lines.length === 0) yield* Effect.sleep(5)
      yield* terminateWriter(psql)
      assert.strictEqual((yield* Fiber.join(standing)).epoch, 2)
      assert.lengthOf(lines, 1)
      assert.match(lines[0]!, /^standing by: another Tusk serves this database: tusk\/first of user /)
      assert.strictEqual((yield* second.loadPartitions([1]))[0]!.endOffset, 1n)
    })
  })

  it.live("goes on when the server that it stands by goes", () =>
    Effect.gen(function* () {
      const primary = yield* PostgresServer.make
      const other = yield* PostgresServer.standbyOf(primary)
      yield* primary.start
      yield* other.start
      const store = yield* openStore(primary.options())
      yield* store.acquire(NOTHING_TOLD)
      yield* until(yield* other.psql, "exists (select from pg_namespace where nspname = 'kafka')")
      const { layer, lines } = collecting()
      const host = `${primary.folder},${other.folder}`
      const standing = yield* Effect.forkChild(Effect.provide(acquire(primary.options({ host, standby: true })), layer))
      while (!lines.some((line) => line.startsWith("standing by"))) yield* Effect.sleep(5)
      yield* primary.stop("SIGQUIT")
      while (!lines.some((line) => line.startsWith("waiting for the database"))) yield* Effect.sleep(5)
      yield* other.promote
      assert.isDefined((yield* Fiber.join(standing)).failover)
    })
  )
})
