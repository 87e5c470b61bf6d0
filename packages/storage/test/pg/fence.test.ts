import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { append, topic } from "./Appends.ts"
import { brokerProcess } from "./BrokerProcess.ts"
import { cuttingProxy } from "./CuttingProxy.ts"
import { until } from "./PostgresServer.ts"
import { terminateWriter } from "./Stores.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const ends = (psql: PgConnection) =>
  Effect.map(psql.query("select count(*), coalesce(max(last_offset) + 1, 0) from kafka.batches"), ([row]) =>
    row!.map(Number)
  )

/** An open transaction with a row of the same key: a session that inserts it now waits for the end of this one. */
const HOLD_OFFSET_1 = `begin; insert into kafka.batches select partition_id, leader_epoch, 1, 1, max_timestamp,
  timestamp_high, cumulative_bytes, producer_id, base_sequence, producer_epoch, data from kafka.batches`

describe("the lock is the fence", () => {
  it.live("sessions terminated during commits: an honest error, then the lock again, and nothing lost", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const store = yield* database.open()
      let session = yield* Scope.make()
      yield* Scope.provide(store.acquire(NOTHING_TOLD), session)
      yield* store.commit([topic])
      let next = 0n
      for (let round = 1; round <= 8; round++) {
        const commits = yield* Effect.forkChild(
          Effect.gen(function* () {
            while (true) {
              yield* store.commit([[append(next, 20_000)]])
              next++
            }
          })
        )
        const start = next
        while (next < start + BigInt(round * 3)) yield* Effect.yieldNow
        yield* terminateWriter(psql)
        const failure = yield* Effect.flip(Fiber.join(commits))
        expect(["OutcomeUnknown", "Fenced"]).toContain(failure._tag)
        expect((yield* Effect.flip(store.ping))._tag).toBe("Fenced")
        yield* Scope.close(session, Exit.void)
        session = yield* Scope.make()
        const state = yield* Scope.provide(store.acquire(NOTHING_TOLD), session)
        expect(state.epoch).toBe(round + 1)
        // Everything acknowledged is there, and at most the one that was under way.
        const [count, end] = yield* ends(psql)
        expect(count).toBe(end)
        expect([next, next + 1n]).toContain(BigInt(end!))
        if (failure._tag === "Fenced") expect(BigInt(end!)).toBe(next)
        next = BigInt(end!)
      }
      yield* Scope.close(session, Exit.void)
    })
  )

  it.live("cut off with a commit under way that cannot end: the old session is ended, its commit never happens", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const proxy = yield* cuttingProxy(database.options())
      const store = yield* database.open(proxy.options)
      const session = yield* Scope.make()
      yield* Scope.provide(store.acquire(NOTHING_TOLD), session)
      yield* store.commit([topic, [append(0n)]])
      yield* psql.query(HOLD_OFFSET_1)
      const commit = yield* Effect.forkChild(Effect.result(store.commit([[append(1n)]])))
      yield* until(psql, "exists (select from pg_locks where not granted and locktype = 'transactionid')")
      proxy.cut()
      const outcome = yield* Fiber.join(commit)
      expect(Result.isFailure(outcome) && outcome.failure._tag).toBe("OutcomeUnknown")
      yield* Scope.close(session, Exit.void)
      const state = yield* store.acquire(NOTHING_TOLD)
      expect(state.epoch).toBe(2)
      yield* psql.query("rollback")
      expect(yield* ends(psql)).toEqual([1, 1])
      yield* store.commit([[append(1n)]])
      expect(yield* ends(psql)).toEqual([2, 2])
    })
  )

  it.live("cut off with a commit under way that ends later: acquire waits for it, and then it is there", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const proxy = yield* cuttingProxy(database.options())
      const store = yield* database.open(proxy.options)
      const session = yield* Scope.make()
      yield* Scope.provide(store.acquire(NOTHING_TOLD), session)
      yield* store.commit([topic, [append(0n)]])
      yield* psql.query(HOLD_OFFSET_1)
      const commit = yield* Effect.forkChild(Effect.result(store.commit([[append(1n)]])))
      yield* until(psql, "exists (select from pg_locks where not granted and locktype = 'transactionid')")
      proxy.cut()
      yield* Fiber.join(commit)
      // A plain look would say that it is not there.
      expect(yield* ends(yield* database.psql())).toEqual([1, 1])
      yield* psql.query("rollback")
      yield* Scope.close(session, Exit.void)
      yield* store.acquire(NOTHING_TOLD)
      expect(yield* ends(psql)).toEqual([2, 2])
    })
  )

  it.live("a read that loses its connection is asked again", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n)]])
      expect((yield* store.loadPartitions([1]))[0]!.endOffset).toBe(1n)
      yield* psql.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%reader'")
      expect((yield* store.read([{ partitionId: 1, from: 0n, maxBytes: 1000 }], 1000))[0]!.length).toBe(1)
      yield* store.ping
    })
  )

  it.live(
    "another process holds the lock: it is named; killed, its lock is free and what it acknowledged is there",
    () =>
      Effect.gen(function* () {
        yield* database.empty
        const psql = yield* database.psql()
        const child = yield* brokerProcess(database.options({ applicationName: "tusk/child" }), {
          _tag: "AppendForEver"
        })
        let acknowledged = -1
        const read = Effect.map(child.line, (line) => {
          acknowledged = Number(line)
        })
        while (acknowledged < 20) yield* read
        const store = yield* database.open()
        const refused = yield* Effect.flip(Effect.scoped(store.acquire(NOTHING_TOLD)))
        expect(refused._tag).toBe("LockHeld")
        expect(refused.message).toMatch(/tusk\/child of user .+ Postgres process \d+, since \d{4}-/)
        child.signal("SIGKILL")
        yield* Effect.ignore(Effect.forever(read))
        const state = yield* store.acquire(NOTHING_TOLD)
        expect(state.epoch).toBe(2)
        const [count, end] = yield* ends(psql)
        expect(count).toBe(end)
        expect([acknowledged + 1, acknowledged + 2]).toContain(end)
      })
  )
})
