import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

describe("what Postgres tells of itself", () => {
  it.live("sizes, dead rows, WAL, the age of the oldest snapshot, sessions, the outbox", () =>
    Effect.scoped(
      Effect.gen(function* () {
        yield* database.empty
        const store = yield* database.open()
        yield* store.acquire(NOTHING_TOLD)
        const look = Effect.map(store.statistics!, (found) => {
          const byKind = new Map(found.map(({ kind, name, value }) => [`${kind} ${name}`.trim(), value]))
          assert.strictEqual(byKind.size, found.length)
          for (const value of byKind.values()) assert.isTrue(Number.isFinite(value))
          return (key: string) => byKind.get(key)!
        })
        const before = yield* look
        for (const table of ["batches", "offsets", "outbox", "groups"]) {
          assert.isAbove(before(`table_bytes ${table}`), 0, table)
          assert.isAtLeast(before(`dead_rows ${table}`), 0, table)
        }
        assert.isAbove(before("max_connections"), 1)
        assert.deepStrictEqual([before("outbox_rows"), before("outbox_refused_rows")], [0, 0])

        const psql = yield* database.psql()
        yield* psql.query("begin isolation level repeatable read")
        yield* psql.query(
          "insert into kafka.outbox_refused (id, reason, partition_id, timestamp) values (1, 'x', 1, 1)"
        )
        const writer = yield* database.psql()
        yield* writer.query("insert into kafka.outbox (partition_id) values (1), (1)")
        const after = yield* look
        assert.isAbove(after("wal_bytes"), before("wal_bytes"))
        assert.isAbove(after("oldest_snapshot_seconds"), 0)
        assert.isAtLeast(after("oldest_snapshot_transactions"), 1)
        assert.isAtLeast(after("sessions"), 3)
        // What is not committed yet is nobody's.
        assert.deepStrictEqual([after("outbox_rows"), after("outbox_refused_rows")], [2, 0])
      })
    )
  )

  it.live("fails while there is no writer, and soon while a table is locked", () =>
    Effect.scoped(
      Effect.gen(function* () {
        yield* database.empty
        const store = yield* database.open()
        assert.strictEqual((yield* Effect.flip(store.statistics!))._tag, "Fenced")
        yield* store.acquire(NOTHING_TOLD)
        yield* store.statistics!
        const psql = yield* database.psql()
        yield* psql.query("begin")
        yield* psql.query("lock table kafka.outbox in access exclusive mode")
        const [took, error] = yield* Effect.timed(Effect.flip(store.statistics!))
        assert.strictEqual(error._tag, "StoreUnavailable")
        assert.isBelow(Duration.toMillis(took), 2500)
        yield* psql.query("rollback")
        // The session goes on.
        yield* store.statistics!
      })
    )
  )
})
