import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { Write } from "../../src/port/Write.ts"
import { append, TOPIC } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

/** A store with partition 1, and a session beside it. */
const open = Effect.gen(function* () {
  yield* database.empty
  const store = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  yield* store.commit([
    [Write.PutTopic({ topicId: TOPIC, name: "t" }), Write.PutPartition({ topicId: TOPIC, index: 0, partitionId: 1 })]
  ])
  return { store, outbox: store.outbox!, psql: yield* database.psql() }
})

const insert = (...values: ReadonlyArray<string>): string =>
  `insert into kafka.outbox (partition_id, timestamp, value) values ${values
    .map((value) => `(1, 5, convert_to('${value}', 'UTF8'))`)
    .join()}`

const everything = { since: undefined, except: [] }

const valuesOf = (rows: ReadonlyArray<object>): ReadonlyArray<string> =>
  rows.map((row) => ("value" in row ? Buffer.from(row.value as Uint8Array).toString() : "?"))

describe("the outbox", () => {
  it.live("a row is told as it was written", () =>
    Effect.gen(function* () {
      const { outbox, psql } = yield* open
      yield* psql.query(`insert into kafka.outbox (partition_id, timestamp, key, value, headers) values
        (1, 7, '\\x6b', null, array[('h', '\\x01'), ('ü', null)]::kafka.header[])`)
      yield* psql.query(`insert into kafka.outbox (partition_id, timestamp, group_id, committed_offset) values
        (1, 8, 'g', 42), (1, 9, 'g', null)`)
      const { isWhole, rows } = yield* outbox.pass(everything)
      expect(isWhole).toBe(true)
      const about = { xid: expect.any(BigInt), id: expect.any(BigInt), partitionId: 1 }
      expect(rows).toEqual([
        {
          ...about,
          timestamp: 7n,
          key: Uint8Array.of(0x6b),
          value: null,
          headers: [
            { key: "h", value: Uint8Array.of(1) },
            { key: "ü", value: null }
          ]
        },
        { ...about, timestamp: 8n, groupId: "g", committedOffset: 42n },
        { ...about, timestamp: 9n, groupId: "g", committedOffset: null }
      ])
    }).pipe(Effect.scoped)
  )

  it.live("each row once, when its transaction is over, and no transaction is waited for", () =>
    Effect.gen(function* () {
      const { outbox, psql } = yield* open
      const other = yield* database.psql()
      yield* other.query(`begin; ${insert("early")}`)
      yield* psql.query(insert("a", "b"))
      const first = yield* outbox.pass(everything)
      expect(valuesOf(first.rows)).toEqual(["a", "b"])
      yield* psql.query(`begin; ${insert("gone")}; rollback`)
      yield* psql.query(`begin; ${insert("c")}; savepoint s; ${insert("taken back")}; rollback to s; commit`)
      const second = yield* outbox.pass({ since: first.snapshot, except: [] })
      expect(valuesOf(second.rows)).toEqual(["c"])
      yield* other.query("commit")
      const third = yield* outbox.pass({ since: second.snapshot, except: [] })
      expect(valuesOf(third.rows)).toEqual(["early"])
      expect(valuesOf((yield* outbox.pass({ since: third.snapshot, except: [] })).rows)).toEqual([])
      const all = yield* outbox.pass(everything)
      expect(valuesOf(all.rows)).toEqual(["early", "a", "b", "c"])
      expect((yield* outbox.pass({ since: undefined, except: [1] })).rows).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("what a pass leaves behind is told by keys, within its snapshot", () =>
    Effect.gen(function* () {
      const { outbox, psql } = yield* open
      yield* psql.query(
        `insert into kafka.outbox (partition_id, value) select 1, '\\x00' from generate_series(1, 4500)`
      )
      const pass = yield* outbox.pass(everything)
      expect([pass.rows.length, pass.isWhole]).toEqual([2000, false])
      yield* psql.query(insert("later"))
      const keys = yield* outbox.keys({ since: undefined, within: pass.snapshot, except: [] })
      expect(keys.length).toBe(4500)
      const part = yield* outbox.rows(keys.slice(2000, 2003))
      expect([part.rows.map(({ id }) => id), part.count]).toEqual([keys.slice(2000, 2003).map(({ id }) => id), 3])
    }).pipe(Effect.scoped)
  )

  it.live("large rows come a few at a time", () =>
    Effect.gen(function* () {
      const { outbox, psql } = yield* open
      yield* psql.query(
        `insert into kafka.outbox (partition_id, value) select 1, decode(repeat('00', 3000000), 'hex') from generate_series(1, 5)`
      )
      const pass = yield* outbox.pass(everything)
      expect([pass.rows.length, pass.isWhole]).toEqual([3, false])
      const keys = yield* outbox.keys({ since: undefined, within: pass.snapshot, except: [] })
      const part = yield* outbox.rows(keys)
      expect([part.rows.length, part.count]).toEqual([3, 3])
    }).pipe(Effect.scoped)
  )

  it.live("rows go with the commit that appends them, and one that is gone refuses it", () =>
    Effect.gen(function* () {
      const { outbox, psql, store } = yield* open
      yield* psql.query(insert("a", "b", "c"))
      const { rows } = yield* outbox.pass(everything)
      const [a, b, c] = rows.map(({ id, xid }) => ({ xid, id }))
      yield* store.commit([[append(0n), Write.DeleteOutbox({ keys: [a!] })]])
      const again = yield* Effect.flip(store.commit([[append(1n), Write.DeleteOutbox({ keys: [a!, b!] })]]))
      expect([again._tag, again.message]).toEqual(["StoreRefused", expect.stringContaining("only 1 are there")])
      yield* store.commit([[Write.RefuseOutbox({ ...b!, reason: "no" }), Write.DeleteOutbox({ keys: [c!] })]])
      expect((yield* outbox.pass(everything)).rows).toEqual([])
      const gone = yield* Effect.flip(store.commit([[Write.RefuseOutbox({ ...b!, reason: "no" })]]))
      expect(gone._tag).toBe("StoreRefused")
      const refused = yield* psql.query("select convert_from(value, 'UTF8'), reason from kafka.outbox_refused")
      expect(refused).toEqual([["b", "no"]])
      expect(yield* psql.query("select last_offset from kafka.batches")).toEqual([["0"]])
      expect(yield* psql.query("select records, since, bytes, refused from kafka.outbox_lag")).toEqual([
        ["0", null, "0", "1"]
      ])
    }).pipe(Effect.scoped)
  )

  it.live("it sleeps only when no open transaction would leave it asleep", () =>
    Effect.gen(function* () {
      const { outbox, psql } = yield* open
      const produce = `${insert("x")}; select pg_try_advisory_xact_lock_shared(1416983403, 3)`
      yield* psql.query(`begin; ${produce}`)
      expect(yield* outbox.settle(false)).toBe(false)
      yield* psql.query("commit")
      expect(yield* outbox.settle(false)).toBe(true)
      // Who produces now finds the lock taken, and notifies.
      expect((yield* psql.query(produce)).at(-1)).toEqual(["f"])
      const woken = yield* Effect.forkChild(outbox.woken(60_000), { startImmediately: true })
      yield* psql.query("notify kafka_outbox")
      yield* Effect.timeout(Fiber.join(woken), 5000)
      yield* outbox.rise
      expect((yield* psql.query("select pg_try_advisory_xact_lock_shared(1416983403, 3)"))[0]).toEqual(["t"])
    }).pipe(Effect.scoped)
  )
})
