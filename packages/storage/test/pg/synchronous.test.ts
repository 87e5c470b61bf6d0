import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { append, topic } from "./Appends.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { PostgresServer, until } from "./PostgresServer.ts"
import { openStore, terminateWriter } from "./Stores.ts"

const BACK = { synchronous_standby_names: "" }

const waiting = (application: string, query: string) =>
  `exists (select from pg_stat_activity where application_name = '${application}' and wait_event = 'SyncRep'
    and query like '${query}')`
const EMIT = "%pg_logical_emit_message%"

const cancel = (psql: PgConnection, application: string) =>
  psql.query(`select pg_cancel_backend(pid) from pg_stat_activity where application_name = '${application}'`)

/** From now on whatever is stored waits; a process of the server's own has to have read the setting, too. */
const sendAway = (server: PostgresServer, psql: PgConnection) =>
  Effect.gen(function* () {
    yield* server.configure({ synchronous_standby_names: "nobody" })
    const probe = yield* server.psql
    yield* Effect.forkScoped(Effect.forever(probe.query("select pg_logical_emit_message(true, 'probe', '')")))
    yield* until(psql, waiting("psql", EMIT))
  })

/** A server that has to wait for its standby, with a broker on it. */
const open = Effect.gen(function* () {
  const server = yield* PostgresServer.make
  yield* server.start
  const psql = yield* server.psql
  const store = yield* openStore(server.options())
  return { psql, server, store }
})

describe("a synchronous standby that is away", () => {
  it.live("a commit with a wait that was cut short is not stored before a later one was waited for to its end", () =>
    Effect.gen(function* () {
      const { psql, server, store } = yield* open
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic])
      yield* sendAway(server, psql)
      const commit = yield* Effect.forkChild(store.commit([[append(0n)]]))
      yield* until(psql, waiting("tusk/broker", "%"))
      for (let i = 0; i < 2; i++) {
        yield* cancel(psql, "tusk/broker")
        // Every session sees it, and no caller is told.
        yield* until(psql, `exists (select from kafka.batches) and ${waiting("tusk/broker", EMIT)}`)
        assert.isUndefined(commit.pollUnsafe())
        yield* store.ping
      }
      yield* server.configure(BACK)
      yield* Fiber.join(commit)
      yield* store.commit([[append(1n)]])
      assert.strictEqual((yield* store.loadPartitions([1]))[0]!.endOffset, 2n)
    })
  )

  it.live("a session that is ended in its wait: the next take-over waits, too, and then tells that it is stored", () =>
    Effect.gen(function* () {
      const { psql, server, store } = yield* open
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic])
      yield* sendAway(server, psql)
      const commit = yield* Effect.forkChild(Effect.flip(store.commit([[append(0n)]])))
      yield* until(psql, waiting("tusk/broker", "%"))
      yield* terminateWriter(psql)
      assert.strictEqual((yield* Fiber.join(commit))._tag, "OutcomeUnknown")
      const taken = yield* Effect.forkChild(store.acquire(NOTHING_TOLD))
      yield* until(psql, waiting("tusk/broker", "update kafka.cluster%"))
      yield* cancel(psql, "tusk/broker")
      yield* until(psql, waiting("tusk/broker", EMIT))
      assert.isUndefined(taken.pollUnsafe())
      yield* server.configure(BACK)
      const { epoch, unknownCommitStored } = yield* Fiber.join(taken)
      assert.deepStrictEqual([epoch, unknownCommitStored], [2, true])
    })
  )

  it.live("a server that vanishes while a take-over waits is noticed", () =>
    Effect.gen(function* () {
      const { psql, server } = yield* open
      const proxy = yield* cuttingProxy(server.options())
      const store = yield* openStore(proxy.options)
      yield* Effect.scoped(store.acquire(NOTHING_TOLD))
      yield* sendAway(server, psql)
      const taken = yield* Effect.forkChild(Effect.flip(Effect.scoped(store.acquire(NOTHING_TOLD))))
      yield* until(psql, waiting("tusk/broker", "update kafka.cluster%"))
      proxy.mute()
      proxy.freeze()
      assert.strictEqual((yield* Fiber.join(taken))._tag, "StoreUnavailable")
      yield* server.configure(BACK)
    })
  )

  it.live("a heartbeat waits as a commit does, on one session however often it is asked", () =>
    Effect.gen(function* () {
      const { psql, server, store } = yield* open
      yield* store.acquire(NOTHING_TOLD)
      yield* store.heartbeat
      yield* sendAway(server, psql)
      const asked: Array<Fiber.Fiber<void, unknown>> = []
      for (let i = 0; i < 3; i++) asked.push(yield* Effect.forkChild(store.heartbeat))
      yield* until(psql, waiting("tusk/broker heart", EMIT))
      // A caller that does not wait for it any longer leaves it as it is.
      yield* Fiber.interrupt(asked[0]!)
      asked.push(yield* Effect.forkChild(store.heartbeat))
      yield* cancel(psql, "tusk/broker heart")
      yield* until(psql, waiting("tusk/broker heart", "select pg_logical_emit_message%"))
      const [row] = yield* psql.query("select count(*) from pg_stat_activity where application_name like '% heart'")
      assert.deepStrictEqual(row, ["1"])
      for (const fiber of asked.slice(1)) assert.isUndefined(fiber.pollUnsafe())
      yield* store.ping
      yield* server.configure(BACK)
      for (const fiber of asked.slice(1)) yield* Fiber.join(fiber)
    })
  )
})
