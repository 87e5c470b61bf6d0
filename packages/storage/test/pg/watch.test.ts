import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { append, topic } from "./Appends.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { until } from "./PostgresServer.ts"
import { terminateWriter } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const open = Effect.gen(function* () {
  yield* database.empty
  const psql = yield* database.psql()
  const proxy = yield* cuttingProxy(database.options())
  const store = yield* database.open(proxy.options)
  yield* store.acquire(NOTHING_TOLD)
  yield* store.commit([topic])
  return { proxy, psql, store }
})

/** Sessions of this database, without the one that asks. */
const sessions = (psql: PgConnection, name: string) =>
  Effect.map(
    psql.query(`select pid from pg_stat_activity
      where datname = current_database() and application_name like '${name}' order by backend_start`),
    (rows) => rows.map(([pid]) => Number(pid))
  )

describe("ping", () => {
  it.live("does not wait for a commit", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      yield* psql.query("begin; lock table kafka.batches")
      const commit = yield* Effect.forkChild(store.commit([[append(0n)]]))
      yield* until(psql, "exists (select from pg_locks where not granted and relation = 'kafka.batches'::regclass)")
      for (let i = 0; i < 3; i++) yield* store.ping
      yield* store.heartbeat
      assert.isUndefined(commit.pollUnsafe())
      yield* psql.query("rollback")
      yield* Fiber.join(commit)
    })
  )

  it.live("opens its session again if that was lost, within the same question", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      yield* store.ping
      for (let i = 0; i < 3; i++) {
        const [watch] = yield* sessions(psql, "%watch of%")
        yield* psql.query(`select pg_terminate_backend(${watch}, 5000)`)
        yield* store.ping
      }
      const [heart] = yield* Effect.andThen(store.heartbeat, sessions(psql, "% heart"))
      yield* psql.query(`select pg_terminate_backend(${heart}, 5000)`)
      yield* store.heartbeat
    })
  )

  it.live("gives a silent session up, and a server that says nothing at all is no answer", () =>
    Effect.gen(function* () {
      const { proxy, store } = yield* open
      yield* store.ping
      proxy.freeze()
      yield* store.ping
      proxy.freeze()
      proxy.refuse()
      const refused = yield* Effect.flip(store.ping)
      assert.strictEqual(refused._tag, "StoreUnavailable")
    })
  )

  it.live("if the server has no session to give, asks on the writer's own", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const role = database.name
      yield* Effect.addFinalizer(() =>
        psql.query(`drop schema kafka cascade; drop owned by ${role}; drop role ${role}`).pipe(Effect.ignore)
      )
      yield* psql.query(`create role ${role} login connection limit 3; grant create on database ${role} to ${role}`)
      const store = yield* database.open({ user: role })
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic])
      yield* psql.query(`alter role ${role} connection limit 1`)
      yield* store.ping
      yield* store.heartbeat
      assert.deepStrictEqual(yield* sessions(psql, "tusk/broker %"), [])
      yield* psql.query("begin; lock table kafka.batches")
      const commit = yield* Effect.forkChild(store.commit([[append(0n)]]))
      yield* until(psql, "exists (select from pg_locks where not granted and relation = 'kafka.batches'::regclass)")
      assert.strictEqual((yield* Effect.flip(store.ping))._tag, "StoreUnavailable")
      yield* psql.query("rollback")
      yield* Fiber.join(commit)
    })
  )
})

describe("a lock that is lost", () => {
  it.live("is known at once, and nothing is stored, read or vouched for any more", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      yield* store.loadPartitions([1])
      const lost = yield* Effect.forkChild(store.lost)
      yield* terminateWriter(psql)
      assert.strictEqual((yield* Fiber.join(lost))._tag, "Fenced")
      for (const ask of [store.ping, store.heartbeat, store.loadPartitions([1]), store.commit([[append(0n)]])]) {
        assert.strictEqual((yield* Effect.flip(ask))._tag, "Fenced")
      }
    })
  )

  it.live("by its sessions' silence: a caller that asks hears of another holder", () =>
    Effect.gen(function* () {
      const { proxy, psql, store } = yield* open
      yield* store.ping
      // The writer's connection stands, and the server knows nothing of it any more.
      const lost = yield* Effect.forkChild(store.lost)
      proxy.freeze()
      yield* terminateWriter(psql)
      const nobody = yield* Effect.flip(store.ping)
      assert.deepStrictEqual([nobody._tag, nobody.message], ["Fenced", "nobody holds the cluster's lock"])
      const other = yield* database.open()
      yield* other.acquire(NOTHING_TOLD)
      const another = yield* Effect.flip(store.heartbeat)
      assert.deepStrictEqual([another._tag, another.message], ["Fenced", "another session holds the cluster's lock"])
      assert.isUndefined(lost.pollUnsafe())
    })
  )

  it.live("is not one that is given back", () =>
    Effect.gen(function* () {
      const { store } = yield* open
      const first = yield* Effect.forkChild(store.lost)
      yield* store.acquire(NOTHING_TOLD)
      yield* store.ping
      assert.isUndefined(first.pollUnsafe())
    })
  )

  it.live("keeps no reader waiting for a session to read on", () =>
    Effect.gen(function* () {
      const { proxy, psql, store } = yield* open
      proxy.mute()
      const reading = yield* Effect.forkChild(Effect.flip(store.loadGroups))
      yield* proxy.arrival
      yield* terminateWriter(psql)
      const taking = yield* Effect.forkChild(Effect.flip(store.acquire(NOTHING_TOLD)))
      assert.strictEqual((yield* Fiber.join(reading))._tag, "StoreUnavailable")
      assert.isUndefined(taking.pollUnsafe())
      yield* Fiber.interrupt(taking)
    })
  )

  it.live("keeps no reader waiting for what is being read", () =>
    Effect.gen(function* () {
      const { proxy, psql, store } = yield* open
      yield* store.loadPartitions([1])
      yield* psql.query("begin; lock table kafka.groups")
      const reading = yield* Effect.forkChild(Effect.flip(store.loadGroups))
      yield* until(psql, "exists (select from pg_locks where not granted and relation = 'kafka.groups'::regclass)")
      // The machine vanishes; another is at its address.
      proxy.freeze()
      yield* psql.query("rollback")
      yield* terminateWriter(psql)
      yield* store.acquire(NOTHING_TOLD)
      assert.strictEqual((yield* Fiber.join(reading))._tag, "StoreUnavailable")
      assert.deepStrictEqual(yield* store.loadGroups, [])
    })
  )
})
