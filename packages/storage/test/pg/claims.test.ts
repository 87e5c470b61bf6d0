import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { Write } from "../../src/port/Write.ts"
import { committed } from "./Appends.ts"
import { claim, commit, failure, openApp, poll, record, waitsForLock } from "./ConsumeInSql.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const open = (partitions?: number, records?: number) => openApp(database, partitions, records)

const told = (psql: PgConnection) =>
  Effect.map(psql.query("select group_id, partition_id, committed_offset from kafka.outbox order by id"), (rows) =>
    rows.map((row) => row.join(" "))
  )

describe("claims", () => {
  it.live("a second one waits for the transaction of the first, and begins where that one ended", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open()
      yield* psql.query("begin")
      const first = yield* claim(psql)
      expect(first.from).toBe(null)
      const second = yield* Effect.forkChild(claim(other))
      yield* waitsForLock(yield* database.psql(), other)
      yield* psql.query(`${commit(4, first.claim)}; commit`)
      const { claim: newer, from } = yield* Fiber.join(second)
      expect(from).toBe("4")
      expect(BigInt(newer)).toBeGreaterThan(BigInt(first.claim))
    })
  )

  it.live("who lost one cannot commit, and what else the transaction did is undone", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open()
      const old = yield* claim(psql)
      yield* psql.query(commit(2, old.claim))
      const { claim: newest, from } = yield* claim(other)
      expect(from).toBe("2")
      yield* psql.query("begin; insert into public.done values (0, 2)")
      expect(yield* failure(psql.query(commit(3, old.claim)))).toBe("40001")
      yield* psql.query("commit")
      expect(yield* psql.query("select * from public.done")).toEqual([])
      yield* other.query(`begin; insert into public.done values (0, 2); ${commit(3, newest)}; commit`)
      expect(yield* psql.query("select committed_offset, claim from kafka.claims")).toEqual([["3", newest]])
      expect(yield* failure(psql.query(commit(3, "null")))).toBe("40001")
    })
  )

  it.live("what is rolled back leaves the former claim in force", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open()
      const first = yield* claim(psql)
      yield* other.query("begin")
      yield* claim(other)
      yield* other.query("rollback")
      yield* psql.query(commit(1, first.claim))
      expect(yield* told(psql)).toEqual(["g 1 -1", "g 1 1"])
    })
  )

  it.live(
    "the first one begins at what the group committed as a Kafka client, or told and the broker has not taken yet",
    () =>
      Effect.gen(function* () {
        const { psql, store } = yield* open(2)
        yield* store.commit([[committed("g", 1, 5n), committed("other", 2, 9n)]])
        const { claim: first, from } = yield* claim(psql)
        expect(from).toBe("5")
        expect((yield* claim(psql, 1)).from).toBe(null)
        yield* psql.query(`${commit(7, first)}; select kafka.release('g')`)
        expect((yield* claim(psql)).from).toBe("7")
      })
  )

  it.live("an offset has to be in the log, or to be a step on from what was committed", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open()
      const { claim: mine } = yield* claim(psql)
      yield* psql.query(commit(4, mine))
      for (const wrong of [-1, 11]) expect(yield* failure(psql.query(commit(wrong, mine)))).toBe("22003")
      expect(yield* failure(psql.query(commit(0, mine).replace("0, 0,", "0, null,")))).toBe("22003")
      yield* store.commit([[Write.PutLogStart({ partitionId: 1, logStartOffset: 8n })]])
      expect(yield* failure(psql.query(commit(3, mine)))).toBe("22003")
      yield* psql.query(commit(5, mine))
      yield* psql.query(commit(10, mine))
    })
  )

  it.live("topics, partitions and groups that cannot be are refused", () =>
    Effect.gen(function* () {
      const { psql } = yield* open()
      expect(yield* failure(psql.query("select kafka.claim('g', 'none', 0)"))).toBe("42704")
      expect(yield* failure(claim(psql, 1))).toBe("42704")
      for (const group of ["", "a".repeat(1025), "\x1a"]) expect(yield* failure(claim(psql, 0, group))).toBe("22023")
      expect(yield* failure(psql.query("select kafka.claim(null, 't', 0)"))).toBe("22023")
    })
  )

  it.live("several partitions are committed in one order, whatever order they are named in", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open(3)
      const claims = yield* Effect.forEach([0, 1, 2], (partition) => claim(psql, partition))
      const many = (...partitions: ReadonlyArray<number>) => {
        const list = (of: (partition: number) => unknown) => `array[${partitions.map(of).join()}]::bigint[]`
        return `select kafka.commit_offsets_many('g', 't', array[${partitions.join()}], ${list((p) => p + 1)}, ${list(
          (p) => claims[p]!.claim
        )})`
      }
      yield* psql.query(`begin; ${commit(1, claims[0]!.claim)}`)
      const waiting = yield* Effect.forkChild(other.query(many(2, 1, 0)))
      yield* waitsForLock(yield* database.psql(), other)
      // It waits for partition 0 and holds nothing else.
      yield* psql.query(`${many(1, 2)}; commit`)
      yield* Fiber.join(waiting)
      expect(yield* psql.query("select partition, committed_offset from kafka.claims order by 1")).toEqual([
        ["0", "1"],
        ["1", "2"],
        ["2", "3"]
      ])
      yield* claim(psql, 1)
      expect(yield* failure(psql.query(many(0, 1)))).toBe("40001")
    })
  )
})

describe("kafka.poll", () => {
  it.live("passes over partitions that others have, and takes the one claimed longest ago", () =>
    Effect.gen(function* () {
      const { other, psql } = yield* open(3, 4)
      const third = yield* database.psql()
      const fourth = yield* database.psql()
      for (const session of [psql, other, third, fourth]) yield* session.query("begin")
      expect((yield* poll(psql)).records).toEqual(["0:0", "0:1", "0:2"])
      expect((yield* poll(other)).records).toEqual(["1:0", "1:1", "1:2"])
      const last = yield* poll(third)
      expect(last.records).toEqual(["2:0", "2:1", "2:2"])
      expect((yield* poll(fourth)).records).toEqual([])
      yield* third.query(`${commit(3, last.claim, 2)}; commit`)
      expect((yield* poll(fourth)).records).toEqual(["2:3"])
      for (const session of [psql, other, fourth]) yield* session.query("rollback")
      expect((yield* poll(fourth)).records).toEqual(["0:0", "0:1", "0:2"])
      expect((yield* poll(fourth)).records).toEqual(["1:0", "1:1", "1:2"])
      expect((yield* poll(fourth)).records).toEqual(["2:3"])
      expect((yield* poll(fourth)).records).toEqual(["0:0", "0:1", "0:2"])
    })
  )

  it.live("in one statement with what is made of the records, by workers side by side: each record once", () =>
    Effect.gen(function* () {
      const { psql } = yield* open(3, 40)
      const work = Effect.gen(function* () {
        const session = yield* database.psql()
        const step = session.query(`
          with polled as (select * from kafka.poll('g', 't', 7)),
            made as (insert into public.done select partition, "offset" from polled)
          select kafka.commit_offsets('g', 't', partition, max("offset") + 1, claim) from polled group by partition, claim`)
        const isThrough = psql.query("select bool_and(committed_offset = 40) and count(*) = 3 from kafka.claims")
        yield* Effect.repeat(step, { while: () => Effect.map(isThrough, ([row]) => row![0] !== "t") })
      })
      yield* Effect.all([work, work, work, work], { concurrency: "unbounded" })
      expect(yield* psql.query("select count(*), count(distinct (partition, at)) from public.done")).toEqual([
        ["120", "120"]
      ])
    })
  )

  it.live("where nothing is to be read, it writes nothing after its first claim", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open(2, 2)
      yield* store.commit([[committed("g", 1, 2n), committed("g", 2, 2n)]])
      expect((yield* poll(psql)).records).toEqual([])
      const before = yield* psql.query("select partition, claim from kafka.claims order by 1")
      expect(before.length).toBe(2)
      expect((yield* poll(psql)).records).toEqual([])
      expect(yield* psql.query("select partition, claim from kafka.claims order by 1")).toEqual(before)
      yield* store.commit([[record(2, 2)]])
      expect((yield* poll(psql)).records).toEqual(["1:2"])
    })
  )

  it.live("begins at the log start where retention has passed what was committed", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open()
      yield* psql.query(commit(1, (yield* claim(psql)).claim))
      yield* store.commit([[Write.PutLogStart({ partitionId: 1, logStartOffset: 4n })]])
      expect((yield* poll(psql)).records).toEqual(["0:4", "0:5", "0:6"])
    })
  )
})

describe("kafka.release", () => {
  it.live("gives the group's claims back with its offsets, and whoever had them cannot commit", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open(2)
      const mine = yield* claim(psql)
      yield* claim(psql, 1)
      yield* claim(psql, 0, "h")
      yield* psql.query(commit(3, mine.claim))
      expect((yield* store.loadClaims).length).toBe(3)
      yield* psql.query("delete from kafka.outbox")
      expect(yield* psql.query("select kafka.release('g')")).toEqual([["2"]])
      expect(yield* told(psql)).toEqual(["g 1 3", "g 1 ", "g 2 "])
      expect(yield* psql.query("select group_id from kafka.claims")).toEqual([["h"]])
      expect(yield* failure(psql.query(commit(4, mine.claim)))).toBe("40001")
      // Until the broker has taken what it is told.
      expect((yield* store.loadClaims).length).toBe(3)
      yield* psql.query("delete from kafka.outbox")
      expect(yield* store.loadClaims).toEqual([{ groupId: "h", partitionId: 1 }])
      expect(yield* psql.query("select kafka.release('g')")).toEqual([["0"]])
    })
  )

  it.live("rows of topics that are gone go with the next first claim", () =>
    Effect.gen(function* () {
      const { psql, store } = yield* open(2)
      yield* claim(psql)
      yield* psql.query("update kafka.partitions set topic_id = null where partition_id = 1; delete from kafka.outbox")
      expect(yield* psql.query("select * from kafka.claims")).toEqual([])
      expect(yield* store.loadClaims).toEqual([])
      yield* claim(psql, 1, "h")
      expect(yield* psql.query("select partition_id from kafka.sql_offsets")).toEqual([["2"]])
    })
  )
})
