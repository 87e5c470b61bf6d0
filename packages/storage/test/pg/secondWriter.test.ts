import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { Store } from "../../src/port/Store.ts"
import { BESIDE_LOCK } from "../../src/pg/schema/SchemaVersion.ts"
import { append, topic } from "./Appends.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { until } from "./PostgresServer.ts"
import { terminateWriter } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const HELD = `from pg_locks where locktype = 'advisory' and classid = ${BESIDE_LOCK[0]} and objid = ${BESIDE_LOCK[1]} and granted`
const BATCHES = "select base_offset from kafka.batches where partition_id = 1 order by base_offset"

/** A session that inserts a batch waits until `LET_GO`. */
const HOLD = `create function public.hold() returns trigger language plpgsql as $$ begin
    perform pg_advisory_xact_lock_shared(42);
    return null;
  end $$;
  create trigger hold before insert on kafka.batches for each statement execute function public.hold();
  select pg_advisory_lock(42)`
const LET_GO = "select pg_advisory_unlock(42)"
const HELD_UP = "locktype = 'advisory' and objid = 42 and not granted"

type Open = Effect.Success<ReturnType<TestDatabase["open"]>>
const doorOf = (store: Store["Service"]) => store.beside!

/** A broker with its topic and a second session. */
const withDoor = (store: Open) =>
  Effect.gen(function* () {
    const state = yield* store.acquire(NOTHING_TOLD)
    yield* store.commit([topic, [append(0n)]])
    assert.isTrue(yield* doorOf(store).ready)
    return state
  })

describe("the second door of Postgres", () => {
  it.live("stores appends, and its session is opened again when it was lost", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const store = yield* database.open()
      yield* withDoor(store)
      yield* doorOf(store).commit([[append(1n)]])
      yield* psql.query(`select pg_terminate_backend(pid) ${HELD}`)
      yield* until(psql, `not exists (select ${HELD})`)
      assert.isTrue(yield* doorOf(store).ready)
      yield* doorOf(store).commit([[append(2n)]])
      yield* store.commit([[append(3n)]])
      assert.deepStrictEqual((yield* psql.query(BATCHES)).flat(), ["0", "1", "2", "3"])
    })
  )

  it.live("goes on while the first one waits", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const store = yield* database.open()
      yield* withDoor(store)
      yield* psql.query("begin; lock table kafka.groups in access exclusive mode")
      const first = yield* Effect.forkChild(
        store.commit([[{ _tag: "PutGroup", groupId: "g", kind: "classic", value: "{}" }]])
      )
      yield* doorOf(store).commit([[append(1n)]])
      yield* psql.query("commit")
      yield* Fiber.join(first)
    })
  )

  for (const letsGo of [true, false]) {
    it.live(`a take-over waits for what it has in hand, and looks for it: it is ${letsGo ? "" : "not "}stored`, () =>
      Effect.gen(function* () {
        yield* database.empty
        const psql = yield* database.psql()
        const proxy = yield* cuttingProxy(database.options())
        const store = yield* database.open(proxy.options)
        yield* withDoor(store)
        yield* psql.query(HOLD)
        const commit = yield* Effect.forkChild(Effect.flip(doorOf(store).commit([[append(1n)]])))
        yield* until(psql, `exists (select from pg_locks where ${HELD_UP})`)
        proxy.cut()
        assert.strictEqual((yield* Fiber.join(commit))._tag, "OutcomeUnknown")
        if (letsGo) yield* psql.query(LET_GO)
        const { unknownBesideStored, unknownCommitStored } = yield* store.acquire(NOTHING_TOLD)
        assert.deepStrictEqual([unknownBesideStored, unknownCommitStored], [letsGo, undefined])
        if (!letsGo) yield* psql.query(LET_GO)
        assert.deepStrictEqual((yield* psql.query(BATCHES)).flat(), letsGo ? ["0", "1"] : ["0"])
        assert.isTrue(yield* doorOf(store).ready)
      })
    )
  }

  it.live("stores nothing behind another broker's take-over", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const former = yield* database.open()
      yield* withDoor(former)
      yield* psql.query(HOLD)
      const commit = yield* Effect.forkChild(Effect.flip(doorOf(former).commit([[append(1n)]])))
      yield* until(psql, `exists (select from pg_locks where ${HELD_UP})`)
      yield* terminateWriter(psql)
      const next = yield* database.open({ lockWaitMs: 5000 })
      yield* Effect.provideService(next.acquire(NOTHING_TOLD), Scope.Scope, yield* Effect.scope)
      yield* psql.query(LET_GO)
      assert.strictEqual((yield* Fiber.join(commit))._tag, "OutcomeUnknown")
      assert.deepStrictEqual((yield* psql.query(BATCHES)).flat(), ["0"])
      assert.isFalse(yield* doorOf(former).ready)
      assert.strictEqual((yield* Effect.flip(doorOf(former).commit([[append(1n)]])))._tag, "Fenced")
      yield* next.commit([[append(1n)]])
    })
  )
})
