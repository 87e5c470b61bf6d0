import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { OffsetRows } from "../../src/pg/PgStore/OffsetRows.ts"
import { Write } from "../../src/port/Write.ts"
import type { Unit } from "../../src/port/Write.ts"
import { append, committed, topic, TOPIC } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const put = (groupId: string, partitionId: number, offset: number): Write =>
  committed(groupId, partitionId, BigInt(offset))

const open = Effect.gen(function* () {
  yield* database.empty
  const store = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  const psql = yield* database.psql()
  const rows = Effect.map(
    psql.query("select group_id, partition_id, committed_offset from kafka.offsets order by 1, 2, commit_id"),
    (found) => found.map((row) => row.join(" "))
  )
  return { psql, rows, store }
})

describe("rows of offsets", () => {
  it.live("there is one for each thing that is committed, whatever a commit holds", () =>
    Effect.gen(function* () {
      const { rows, store } = yield* open
      const commit = (...unit: Unit) => store.commit([unit])
      yield* commit(...topic, put("a", 1, 1), put("b", 1, 1), put("b", 2, 1))
      yield* commit(put("a", 1, 2), put("a", 1, 3), put("b", 1, 2))
      expect(yield* rows).toEqual(["a 1 3", "b 1 2", "b 2 1"])
      const there = { groupId: "b", partitionId: 1 }
      yield* commit(put("b", 1, 4), Write.DeleteOffset(there), put("b", 1, 5), put("b", 1, 6))
      expect(yield* rows).toEqual(["a 1 3", "b 1 6", "b 2 1"])
      yield* commit(put("b", 3, 1), Write.DeleteGroup({ groupId: "b" }), put("b", 1, 7), Write.DeleteOffset(there))
      expect(yield* rows).toEqual(["a 1 3"])
      yield* commit(put("b", 1, 8), put("b", 4, 1))
      yield* commit(Write.DeleteTopic({ topicId: TOPIC }), Write.DropPartition({ partitionId: 1 }))
      expect(yield* rows).toEqual(["b 4 1"])
      yield* commit(Write.DeleteGroup({ groupId: "b" }), Write.DeleteOffset(there))
      expect(yield* rows).toEqual([])
    })
  )

  it.live("a commit that is refused takes no row away, and the next one goes on from what is there", () =>
    Effect.gen(function* () {
      const { rows, store } = yield* open
      yield* store.commit([topic, [put("a", 1, 1), append(0n)]])
      const refused = yield* Effect.flip(store.commit([[put("a", 1, 2), put("a", 2, 2), append(0n)]]))
      expect(refused._tag).toBe("OutcomeUnknown")
      expect(yield* rows).toEqual(["a 1 1"])
      yield* store.commit([[put("a", 1, 3)]])
      expect(yield* rows).toEqual(["a 1 3"])
    })
  )

  it.live("the next broker knows which rows are in force", () =>
    Effect.gen(function* () {
      const { psql, rows, store } = yield* open
      yield* store.commit([topic, [put("a", 1, 1), put("a", 2, 1)]])
      yield* psql.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tusk/broker' and datname = current_database()"
      )
      const next = yield* database.open({ lockWaitMs: 5000 })
      yield* next.acquire(NOTHING_TOLD)
      yield* next.commit([[put("a", 1, 2)]])
      expect(yield* rows).toEqual(["a 1 2", "a 2 1"])
      expect((yield* next.loadOffsets).map(({ offset }) => offset)).toEqual([1n, 2n])
    })
  )

  it.live("what another session's snapshot keeps is not in the way", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      yield* store.commit([topic, [put("a", 1, 0)]])
      const holder = yield* database.psql()
      yield* holder.query("begin isolation level repeatable read; select count(*) from kafka.offsets")
      for (let i = 1; i <= 500; i++) yield* store.commit([[put("a", 1, i)]])
      const [plan] = yield* psql.query(`begin; set local enable_seqscan = off;
        explain (analyze, buffers, format json) delete from kafka.offsets
        where commit_id = any(array[(select max(commit_id) from kafka.offsets)]); rollback`)
      const { Plan } = JSON.parse(plan![0]!)[0]
      expect(Plan["Shared Hit Blocks"] + Plan["Shared Read Blocks"]).toBeLessThan(20)
      expect(yield* holder.query("select committed_offset from kafka.offsets")).toEqual([["0"]])
      expect(yield* psql.query("select committed_offset from kafka.offsets")).toEqual([["500"]])
    })
  )

  it.live("dead rows are vacuumed by the broker", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open
      const all = (offset: number) => Array.from({ length: 5000 }, (_, i) => put("a", i, offset))
      yield* psql.query("alter table kafka.offsets set (autovacuum_enabled = off)")
      for (let i = 0; i <= 4; i++) yield* store.commit([all(i)])
      const dead = psql.query("select vacuum_count > 0 from pg_stat_user_tables where relname = 'offsets'")
      const vacuumed = Effect.repeat(dead, {
        schedule: Schedule.spaced("20 millis"),
        until: ([row]) => row![0] === "t"
      })
      yield* Effect.timeout(vacuumed, "10 seconds")
    })
  )
})

describe("OffsetRows", () => {
  const a = { groupId: "a", partitionId: 1 }
  const b = { groupId: "b", partitionId: 1 }

  it("takes the later of two rows for the same thing, and gives greater ids than any", () => {
    const rows = new OffsetRows([
      { groupId: "a", partitionId: 1, commitId: 7 },
      { groupId: "a", partitionId: 1, commitId: 3 }
    ])
    assert.deepStrictEqual(rows.draft().put(a), { write: a, commitId: 8, former: 7 })
  })

  it("knows nothing of a draft that was not settled", () => {
    const rows = new OffsetRows([{ groupId: "a", partitionId: 1, commitId: 1 }])
    const failed = rows.draft()
    failed.put(a)
    failed.put(b)
    failed.removeGroup("a")
    const draft = rows.draft()
    assert.strictEqual(draft.put(a).former, 1)
    assert.strictEqual(draft.put(b).former, undefined)
    assert.strictEqual(draft.superseded, 1)
  })
})
