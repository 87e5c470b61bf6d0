import { describe, expect, it } from "@effect/vitest"
import { LZ4, SNAPPY, ZSTD } from "@tusk/protocol/record/Compression"
import { encodeBatch, refreshCrc } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { TestDatabase } from "../../pg/TestDatabase.ts"
import { terminateWriter } from "../../pg/Stores.ts"
import { arrived, rowsOf, startFollowed, untilNone } from "./FollowedBroker.ts"
import type { Following } from "./FollowedBroker.ts"

const database = new TestDatabase()

/** A broker that follows these topics, and a psql session. */
const open = Effect.fnUntraced(function* (...names: ReadonlyArray<string>) {
  yield* database.empty
  const following: Following = new Set(names)
  const broker = yield* startFollowed(database, { following })
  for (const name of names) yield* broker.create(name)
  return { ...broker, following, psql: yield* database.psql() }
})

const allRows = "select count(*) from kafka.unpacked"
const allPositions = "select count(*) from kafka.unpacked_positions"

describe("the follower", () => {
  it.live("keeps records of every codec as rows, as they come, and kafka.records reads them there", () =>
    Effect.gen(function* () {
      const { append, create, psql } = yield* open("t")
      yield* create("not followed")
      yield* append("not followed", ["x"])
      yield* append("t", ["k=gzip"])
      yield* arrived(psql, "t", 0)
      yield* append("t", ["snappy", "k="], { compression: SNAPPY })
      yield* append("t", ["lz4"], { compression: LZ4 })
      yield* append("t", ["zstd"], { compression: ZSTD })
      yield* append("t", ["none"], {})
      yield* arrived(psql, "t", 5)
      const all = ["0 k=gzip", "1 snappy", "2 k=", "3 lz4", "4 zstd", "5 none"]
      expect(yield* rowsOf(psql, "t")).toEqual(all)
      expect(yield* rowsOf(psql, "not followed")).toEqual([])
      const read = `select "offset", extract(epoch from "timestamp")::int from kafka.records('t', 0, 1, 2, to_timestamp(4))`
      expect(yield* psql.query(read)).toEqual([
        ["1", "5"],
        ["2", "5"]
      ])
      expect(yield* psql.query("select * from kafka.records('t', since => to_timestamp(6))")).toEqual([])
      expect(yield* psql.query("select kafka.await('t', 0, 6, '10 ms')")).toEqual([["f"]])
    }).pipe(Effect.scoped)
  )

  it.live("waits for open transactions, and leaves aborted ones and markers out", () =>
    Effect.gen(function* () {
      const { append, endTransaction, psql } = yield* open("t")
      const transactional = (producerId: bigint) => ({
        producerId,
        producerEpoch: 0,
        baseSequence: 0,
        isTransactional: true
      })
      yield* append("t", ["a"])
      yield* append("t", ["aborted"], transactional(1n))
      yield* append("t", ["committed"], transactional(2n))
      yield* arrived(psql, "t", 0)
      expect(yield* rowsOf(psql, "t")).toEqual(["0 a"])
      yield* endTransaction("t", 1n, false)
      yield* append("t", ["b"])
      yield* endTransaction("t", 2n, true)
      yield* arrived(psql, "t", 5)
      expect(yield* rowsOf(psql, "t")).toEqual(["0 a", "2 committed", "4 b"])
    }).pipe(Effect.scoped)
  )

  it.live("goes on where it was after a restart, and catches up with what lies in the database", () =>
    Effect.gen(function* () {
      const { append, psql, stop } = yield* open("t")
      yield* append("t", ["0"])
      yield* arrived(psql, "t", 0)
      yield* stop
      const unwatched = yield* startFollowed(database, { following: undefined })
      for (let i = 1; i < 300; i++) yield* unwatched.append("t", [String(i), `${i} too`])
      yield* unwatched.stop
      yield* psql.query("update kafka.unpacked set value = 'kept' where \"offset\" = 0")
      // Steps of a few batches.
      yield* startFollowed(database, { following: new Set(["t"]), stepBytes: 1000 })
      yield* arrived(psql, "t", 598)
      const rows = yield* rowsOf(psql, "t")
      expect([rows.length, rows[0], rows[1], rows[598]]).toEqual([599, "0 kept", "1 1", "598 299 too"])
    }).pipe(Effect.scoped)
  )

  it.live("goes on after the lock was lost and taken again", () =>
    Effect.gen(function* () {
      const { append, psql } = yield* open("t")
      yield* append("t", ["a"])
      yield* arrived(psql, "t", 0)
      yield* terminateWriter(psql)
      yield* Effect.eventually(
        Effect.flatMap(append("t", ["b"]), ([result]) =>
          "baseOffset" in result! ? Effect.void : Effect.fail("not yet")
        )
      )
      yield* arrived(psql, "t", 1)
      expect(yield* rowsOf(psql, "t")).toEqual(["0 a", "1 b"])
    }).pipe(Effect.scoped)
  )

  it.live("follows DeleteRecords and retention: not shown at once, gone with the next upkeep", () =>
    Effect.gen(function* () {
      const { append, log, partitionIdOf, psql, upkeep } = yield* open("t")
      for (const value of ["a", "b", "c"]) yield* append("t", [value])
      yield* arrived(psql, "t", 2)
      yield* log.raiseLogStart(partitionIdOf("t"), 2n)
      expect(yield* rowsOf(psql, "t")).toEqual(["2 c"])
      expect(yield* psql.query(`select "offset" from kafka.records('t', 0, 0)`)).toEqual([["2"]])
      expect(yield* psql.query(allRows)).toEqual([["3"]])
      yield* upkeep
      expect(yield* psql.query(allRows)).toEqual([["1"]])
      // The log start overtakes the follower, too.
      yield* append("t", ["d"])
      yield* arrived(psql, "t", 3)
      yield* log.raiseLogStart(partitionIdOf("t"), 4n)
      yield* append("t", ["e"])
      yield* arrived(psql, "t", 4)
      expect(yield* rowsOf(psql, "t")).toEqual(["4 e"])
    }).pipe(Effect.scoped)
  )

  it.live("rows of a partition are cleared once it has no position: a statement that comes late takes none away", () =>
    Effect.gen(function* () {
      const { append, following, look, partitionIdOf, psql, rows } = yield* open("t")
      yield* append("t", ["a", "b"])
      yield* arrived(psql, "t", 1)
      expect(yield* rows.clear(partitionIdOf("t"), 10)).toBe(0)
      expect(yield* rowsOf(psql, "t")).toEqual(["0 a", "1 b"])
      following.clear()
      yield* look
      yield* untilNone(psql, allRows)
      yield* psql.query(
        `insert into kafka.unpacked values (${partitionIdOf("t")}, 7, now()), (${partitionIdOf("t")}, 8, now())`
      )
      expect([yield* rows.clear(partitionIdOf("t"), 1), yield* rows.clear(partitionIdOf("t"), 10)]).toEqual([1, 1])
    }).pipe(Effect.scoped)
  )

  it.live("a step stores nothing if its position is not there: another broker went on from it", () =>
    Effect.gen(function* () {
      const { append, partitionIdOf, psql, rows } = yield* open("t")
      yield* append("t", ["a"])
      yield* arrived(psql, "t", 0)
      const batches = [encodeBatch([{ value: Buffer.from("b") }], { baseOffset: 1n })]
      const step = { partitionId: partitionIdOf("t"), from: 0n, to: 2n, batches }
      const { version } = (yield* rows.position(step.partitionId))!
      expect(yield* rows.add(step, version)).toBe(undefined)
      expect(yield* rows.add({ ...step, from: 1n }, version - 1n)).toBe(undefined)
      expect(yield* rowsOf(psql, "t")).toEqual(["0 a"])
      const added = yield* rows.add({ ...step, from: 1n }, version)
      expect(added?.nextOffset).toBe(2n)
      expect(yield* rowsOf(psql, "t")).toEqual(["0 a", "1 b"])
      expect(yield* rows.position(step.partitionId)).toEqual(added)
    }).pipe(Effect.scoped)
  )

  it.live("rows come again that a broker took away which did not know that it had lost the lock", () =>
    Effect.gen(function* () {
      const { append, partitionIdOf, psql, rows, upkeep } = yield* open("t")
      yield* append("t", ["a", "b"])
      yield* arrived(psql, "t", 1)
      const former = (yield* rows.position(partitionIdOf("t")))!
      yield* rows.end(partitionIdOf("t"))
      expect(yield* rows.clear(partitionIdOf("t"), 10)).toBe(2)
      yield* upkeep
      yield* arrived(psql, "t", 1)
      expect(yield* rowsOf(psql, "t")).toEqual(["0 a", "1 b"])
      // At the same offset it is another position: what comes late is not added to it.
      const batches = [encodeBatch([{ value: Buffer.from("c") }], { baseOffset: 2n })]
      const step = { partitionId: partitionIdOf("t"), from: 2n, to: 3n, batches }
      expect(former.nextOffset).toBe(2n)
      expect(yield* rows.add(step, former.version)).toBe(undefined)
    }).pipe(Effect.scoped)
  )

  it.live("begins at the log start of a topic whose first records are gone", () =>
    Effect.gen(function* () {
      const { append, following, log, look, partitionIdOf, psql } = yield* open("t")
      following.clear()
      yield* look
      for (const value of ["a", "b", "c"]) yield* append("t", [value])
      yield* log.raiseLogStart(partitionIdOf("t"), 1n)
      yield* untilNone(psql, allPositions)
      following.add("t")
      // Until what was there has been taken away.
      yield* Effect.eventually(
        Effect.andThen(
          look,
          Effect.filterOrFail(
            psql.query(allPositions),
            ([row]) => row![0] === "1",
            () => "not yet"
          )
        )
      )
      yield* arrived(psql, "t", 2)
      expect(yield* rowsOf(psql, "t")).toEqual(["1 b", "2 c"])
    }).pipe(Effect.scoped)
  )

  it.live("takes what compaction took, and again after the next one", () =>
    Effect.gen(function* () {
      const { append, compact, psql, upkeep } = yield* open("compacted")
      yield* append("compacted", ["a=1", "b=1", "a=2"])
      yield* append("compacted", ["c=1"])
      yield* arrived(psql, "compacted", 3)
      yield* compact
      yield* upkeep
      expect(yield* rowsOf(psql, "compacted")).toEqual(["1 b=1", "2 a=2", "3 c=1"])
      yield* append("compacted", ["b=2"])
      yield* append("compacted", ["d=1"])
      yield* arrived(psql, "compacted", 5)
      yield* compact
      yield* upkeep
      expect(yield* rowsOf(psql, "compacted")).toEqual(["2 a=2", "3 c=1", "4 b=2", "5 d=1"])
      // What it has followed is noted: rows are not looked over again.
      yield* psql.query(`insert into kafka.unpacked select partition_id, 1, now() from kafka.unpacked_positions`)
      yield* upkeep
      expect(yield* psql.query(allRows)).toEqual([["5"]])
    }).pipe(Effect.scoped)
  )

  it.live("takes all rows of a topic that is deleted, or not to be followed any more", () =>
    Effect.gen(function* () {
      const { append, create, following, look, psql, topics } = yield* open("gone", "off", "stays")
      for (const name of ["gone", "off", "stays"]) {
        yield* append(name, ["a", "b"])
        yield* arrived(psql, name, 1)
      }
      yield* topics.remove(topics.byName("gone")!.topicId)
      following.delete("off")
      yield* look
      yield* untilNone(psql, "select count(*) - 2 from kafka.unpacked")
      yield* untilNone(psql, "select count(*) - 1 from kafka.unpacked_positions")
      expect(yield* rowsOf(psql, "stays")).toEqual(["0 a", "1 b"])
      // A topic of the same name is another one.
      yield* create("gone")
      yield* append("gone", ["new"])
      yield* arrived(psql, "gone", 0)
      expect(yield* rowsOf(psql, "gone")).toEqual(["0 new"])
    }).pipe(Effect.scoped)
  )

  it.live("a broker that starts takes away what another left, of topics it does not follow", () =>
    Effect.gen(function* () {
      const { append, psql, stop } = yield* open("t")
      yield* append("t", ["a"])
      yield* arrived(psql, "t", 0)
      yield* stop
      // Rows without a position, as a broker leaves them that ends while it takes them away.
      yield* psql.query("insert into kafka.unpacked values (77, 1, now()), (78, 1, now())")
      const next = yield* startFollowed(database, { following: new Set() })
      yield* next.look
      yield* next.upkeep
      yield* untilNone(psql, allRows)
      yield* untilNone(psql, allPositions)
    }).pipe(Effect.scoped)
  )

  it.live("opens no session where no topic is followed", () =>
    Effect.gen(function* () {
      const { append, create, following, look, psql, upkeep } = yield* open()
      const sessions = psql.query(`select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'tusk/broker records'`)
      yield* create("t")
      yield* append("t", ["a"])
      yield* upkeep
      expect(yield* sessions).toEqual([["0"]])
      following.add("t")
      yield* look
      yield* arrived(psql, "t", 0)
      expect(yield* sessions).toEqual([["1"]])
    }).pipe(Effect.scoped)
  )

  it.live("a partition that is held up holds up no other, nor produce, and goes on", () =>
    Effect.gen(function* () {
      const { append, partitionIdOf, psql } = yield* open("held", "free")
      yield* append("held", ["a"])
      yield* append("free", ["a"])
      yield* arrived(psql, "held", 0)
      yield* arrived(psql, "free", 0)
      const other = yield* database.psql()
      yield* other.query(
        `begin; select * from kafka.unpacked_positions where partition_id = ${partitionIdOf("held")} for update`
      )
      yield* append("held", ["b"])
      yield* append("free", ["b"])
      yield* arrived(psql, "free", 1)
      expect(yield* rowsOf(psql, "held")).toEqual(["0 a"])
      yield* other.query("commit")
      yield* arrived(psql, "held", 1)
      expect(yield* rowsOf(psql, "held")).toEqual(["0 a", "1 b"])
    }).pipe(Effect.scoped)
  )

  it.live("leaves out a batch that cannot be opened, and goes on behind it", () =>
    Effect.gen(function* () {
      const { append, log, partitionIdOf, psql } = yield* open("t")
      const broken = (compression: number) => {
        const batch = encodeBatch([{ value: new Uint8Array(20) }], { compression })
        batch.fill(0xff, 61)
        refreshCrc(batch)
        return batch
      }
      for (const codec of [0, ZSTD]) {
        yield* log.append([{ partitionId: partitionIdOf("t"), stampTime: false, batch: broken(codec) }])
      }
      yield* append("t", ["a"])
      yield* arrived(psql, "t", 2)
      expect(yield* rowsOf(psql, "t")).toEqual(["2 a"])
    }).pipe(Effect.scoped)
  )
})
