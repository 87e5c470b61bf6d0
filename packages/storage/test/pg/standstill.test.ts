import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { Store } from "../../src/port/Store.ts"
import { append, topic } from "./Appends.ts"
import { brokerProcess } from "./BrokerProcess.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { until } from "./PostgresServer.ts"
import { TestDatabase } from "./TestDatabase.ts"

const MEBIBYTE = 1024 * 1024

const databases = {
  idle: new TestDatabase(),
  large: new TestDatabase(),
  small: new TestDatabase(),
  slow: new TestDatabase(),
  alive: new TestDatabase()
}

/** How long it takes another broker to have the lock. */
const takeOver = (database: TestDatabase) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const store = yield* database.open({ lockWaitMs: 15_000 })
    const { epoch } = yield* store.acquire(NOTHING_TOLD)
    assert.strictEqual(epoch, 2)
    assert.isBelow((yield* Clock.currentTimeMillis) - start, 10_000)
    return store
  })

const keepAsking = (store: Store["Service"]) =>
  Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(500), store.ping)))

/** The writer's session waits in the midst of what it is sent. */
const HALF_SENT = `exists (select from pg_stat_activity a join pg_locks l using (pid)
  where l.locktype = 'advisory' and l.objid = 1 and a.datname = current_database()
    and a.wait_event = 'ClientRead' and a.state_change < clock_timestamp() - interval '100 ms')`

describe.concurrent("a broker that stands still", () => {
  it.live("with nothing to do: its session ends, and others have the lock", () =>
    Effect.gen(function* () {
      const database = databases.idle
      yield* database.empty
      const broker = yield* brokerProcess(database.options(), { _tag: "Idle" })
      assert.strictEqual(yield* broker.line, "idle")
      broker.signal("SIGSTOP")
      yield* takeOver(database)
    })
  )

  for (const [name, batches, bytes] of [
    ["large", 1, 8 * MEBIBYTE],
    ["small", 2000, 4096]
  ] as const) {
    it.live(
      `between two halves of a commit of ${batches} batches: others have the lock, and nothing of it is there`,
      () =>
        Effect.gen(function* () {
          const database = databases[name]
          yield* database.empty
          const psql = yield* database.psql()
          const proxy = yield* cuttingProxy(database.options())
          proxy.hold(4 * MEBIBYTE)
          const broker = yield* brokerProcess(proxy.options, { _tag: "AppendOnce", batches, bytes })
          assert.strictEqual(yield* broker.line, "appending")
          yield* until(psql, HALF_SENT)
          broker.signal("SIGSTOP")
          const store = yield* takeOver(database)
          assert.strictEqual((yield* store.loadPartitions([1]))[0]!.endOffset, 0n)
          broker.signal("SIGCONT")
          proxy.release()
          assert.strictEqual(yield* broker.line, "OutcomeUnknown")
          yield* store.commit([[append(0n)]])
          assert.strictEqual((yield* store.loadPartitions([1]))[0]!.endOffset, 1n)
        })
    )
  }

  it.live("is not one on a slow line with a watch that goes on", () =>
    Effect.gen(function* () {
      const database = databases.slow
      yield* database.empty
      const psql = yield* database.psql()
      const proxy = yield* cuttingProxy(database.options())
      const store = yield* database.open(proxy.options)
      yield* store.acquire(NOTHING_TOLD)
      yield* keepAsking(store)
      yield* store.commit([topic])
      proxy.hold(4 * MEBIBYTE)
      const commit = yield* Effect.forkChild(store.commit([[append(0n, 8 * MEBIBYTE)]]))
      yield* until(psql, HALF_SENT)
      const other = yield* database.open({ lockWaitMs: 9000 })
      assert.strictEqual((yield* Effect.flip(Effect.scoped(other.acquire(NOTHING_TOLD))))._tag, "LockHeld")
      proxy.release()
      yield* Fiber.join(commit)
    })
  )

  it.live("is not one that has nothing to do, however long", () =>
    Effect.gen(function* () {
      const database = databases.alive
      yield* database.empty
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      const other = yield* database.open({ lockWaitMs: 9000 })
      assert.strictEqual((yield* Effect.flip(Effect.scoped(other.acquire(NOTHING_TOLD))))._tag, "LockHeld")
      yield* store.commit([topic])
    })
  )
})
