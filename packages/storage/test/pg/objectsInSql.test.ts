/** What SQL alone sees of batches whose bytes lie in objects: their rows, and never less without saying so. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeSqlRoles } from "../../src/pg/schema/SqlRoles.ts"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { Write } from "../../src/port/Write.ts"
import { topic } from "./Appends.ts"
import { failing, prepareTopics } from "./SqlSessions.ts"
import { TestDatabase } from "./TestDatabase.ts"
import { UnpackedLog, valued } from "./UnpackedLog.ts"

const database = new TestDatabase()

const OBJECT = 1n
const NAME = "cluster/abcdefgh/0mkq3v7xk-1"

/** A batch in the object, from a byte of it on. */
const inObject = (append: Write, position: number, objectId = OBJECT): Write =>
  append._tag === "Append" ? Write.Append({ ...append, stored: { objectId, position } }) : append

const object = (objectId = OBJECT, name = NAME, merged = false) =>
  Write.PutObject({ objectId, name, bytes: 1000, createdAt: 1_700_000_000_000n, merged })

/** A store with topic "t" of one partition, a log to append to it, and a psql session. */
const open = Effect.gen(function* () {
  yield* database.empty
  const store = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  const psql = yield* database.psql()
  yield* psql.query("set timezone = 'UTC'")
  yield* prepareTopics(psql)
  const commit = (...unit: ReadonlyArray<Write>) => store.commit([unit])
  yield* commit(...topic)
  return { commit, log: new UnpackedLog(), psql }
})

/** Offset and value of each record, as `0 a`. */
const shown = (psql: PgConnection, call: string) =>
  Effect.map(psql.query(`select "offset", kafka.as_text(value) from ${call}`), (rows) =>
    rows.map((row) => row.join(" "))
  )

const REFUSED = {
  code: "0A000",
  message: "the batch at offset 2 lies in an object store, and only a broker reads it",
  hint: expect.stringMatching(/^Set tusk\.sql\.records=on /)
}

describe("kafka.records", () => {
  it.live("fails at a batch that lies in an object, says which, and reads what lies before and behind it", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      yield* commit(
        log.append([valued("a", 1_000n), valued("b", 2_000n)]),
        object(),
        inObject(log.append([valued("c", 3_000n)]), 100),
        log.append([valued("d", 4_000n)])
      )
      const [row] = yield* psql.query("select object_bytes from kafka.batches where object_id is not null")
      const end = 99 + Number(row![0])
      expect(yield* shown(psql, "kafka.records('t', max => 2)")).toEqual(["0 a", "1 b"])
      expect(yield* shown(psql, "kafka.records('t', from_offset => 3)")).toEqual(["3 d"])
      expect(yield* shown(psql, "kafka.records('t', since => to_timestamp(4))")).toEqual(["3 d"])
      for (const call of ["'t'", "'t', max => 3", "'t', from_offset => 2", "'t', since => to_timestamp(3)"]) {
        expect(yield* failing(psql, `select * from kafka.records(${call})`)).toEqual({
          ...REFUSED,
          detail: `object ${NAME}, bytes 100 to ${end}, offset 2`
        })
      }
    })
  )

  it.live("passes over what no reader is given, as its row tells: aborted, open, left of nothing", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      const inTransaction = { producerId: 7n, producerEpoch: 0, isTransactional: true, baseSequence: 0 }
      const aborted = {
        partitionId: 1,
        producerId: 7n,
        firstOffset: 0n,
        lastOffset: 1n,
        lastStableOffset: 2n,
        aborted: true
      }
      yield* commit(
        object(),
        Write.BeginTransaction({ partitionId: 1, producerId: 7n, firstOffset: 0n }),
        inObject(log.append([valued("aborted")], inTransaction), 0),
        log.marker(7n),
        Write.EndTransaction(aborted),
        inObject(log.append([], { baseOffset: 2n, lastOffset: 4n }), 200),
        log.append([valued("a")]),
        Write.BeginTransaction({ partitionId: 1, producerId: 7n, firstOffset: 6n }),
        inObject(log.append([valued("open")], { ...inTransaction, baseSequence: 1 }), 300)
      )
      expect(yield* shown(psql, "kafka.records('t')")).toEqual(["5 a"])
      // The same producer's next transaction, committed: it is to be read, and is not.
      yield* commit(
        log.marker(7n),
        Write.EndTransaction({ ...aborted, firstOffset: 6n, lastOffset: 7n, lastStableOffset: 8n, aborted: false })
      )
      expect((yield* failing(psql, "select * from kafka.records('t')")).message).toContain("the batch at offset 6")
    })
  )

  it.live("of a tiered topic tells from where on batches lie in rows, and reads these", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      yield* commit(
        log.append([valued("a")]),
        log.append([valued("b")]),
        log.append([valued("c")]),
        Write.PutObject({ objectId: OBJECT, name: NAME, bytes: 1000, createdAt: 0n, merged: true })
      )
      const [size] = yield* psql.query("select octet_length(data) from kafka.batches limit 1")
      yield* commit(
        Write.MoveBatches({
          partitionId: 1,
          batches: [0n, 1n].map((baseOffset) => ({
            baseOffset,
            from: null,
            to: { objectId: OBJECT, position: Number(baseOffset) * 100 },
            bytes: Number(size![0])
          }))
        }),
        Write.PutLocalStart({ partitionId: 1, localStartOffset: 2n })
      )
      expect(yield* failing(psql, "select * from kafka.records('t', from_offset => 1)")).toMatchObject({
        code: "0A000",
        hint: expect.stringMatching(/^From offset 2 on batches lie in rows\. Or set tusk\.sql\.records=on /)
      })
      expect(yield* psql.query("select local_start_offset, object_batches from kafka.storage_overview")).toEqual([
        ["2", "2"]
      ])
      expect(yield* shown(psql, "kafka.records('t', from_offset => 2)")).toEqual(["2 c"])
    })
  )

  it.live("reads the follower's rows where there are any: tusk.sql.records=on", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      yield* commit(object(), inObject(log.append([valued("a"), valued("b")]), 0))
      yield* psql.query(`insert into kafka.unpacked values (1, 0, now(), null, 'a'), (1, 1, now(), null, 'b');
        insert into kafka.unpacked_positions values (1, 2)`)
      expect(yield* shown(psql, "kafka.records('t')")).toEqual(["0 a", "1 b"])
      expect(yield* shown(psql, "kafka.topic_records")).toEqual(["0 a", "1 b"])
      expect(yield* psql.query("select kafka.await('t', 0, 1)")).toEqual([["t"]])
      expect(yield* psql.query(`select "offset" from kafka.poll('g', 't')`)).toEqual([["0"], ["1"]])
    })
  )
})

describe("kafka.poll", () => {
  it.live("fails with its transaction, so that nothing is passed over; offsets are committed as ever", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      yield* commit(log.append([valued("a"), valued("b")]), object(), inObject(log.append([valued("c")]), 0))
      const [row] = yield* psql.query("select claim from kafka.claim('g', 't', 0)")
      yield* psql.query(`select kafka.commit_offsets('g', 't', 0, 2, ${row![0]})`)
      expect(yield* failing(psql, "select * from kafka.poll('g', 't')")).toMatchObject(REFUSED)
      expect(yield* psql.query("select committed_offset, claim from kafka.claims")).toEqual([["2", row![0]]])
      // Its end is known by the row.
      yield* psql.query(`select kafka.commit_offsets('g', 't', 0, 3, ${row![0]})`)
      expect(yield* psql.query("select * from kafka.poll('g', 't')")).toEqual([])
    })
  )
})

describe("views", () => {
  it.live("tell bytes in rows from bytes in objects, and what becomes of the objects", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      const [first, second, third] = [log.append([valued("a")]), log.append([valued("b")]), log.append([valued("c")])]
      const sizeOf = (write: Write) => (write._tag === "Append" ? write.records.byteLength : 0)
      yield* commit(
        object(),
        object(2n, "merged", true),
        object(3n, "unused"),
        object(4n, "erased", true),
        inObject(first, 0),
        inObject(second, 0, 2n),
        third
      )
      yield* psql.query(`update kafka.objects set unused_since = 1700000001000 where object_id = 3;
        update kafka.objects set erased = true where object_id = 4;
        update kafka.batches set cumulative_bytes = (base_offset + 1) * ${sizeOf(first)}`)
      const [all, each] = [String(3 * sizeOf(first)), String(sizeOf(first))]
      const twice = String(2 * sizeOf(first))
      expect(yield* psql.query("select * from kafka.storage_overview")).toEqual([
        ["t", "0", all, each, twice, "2", "0"]
      ])
      expect(yield* psql.query("select size_bytes from kafka.partition_overview")).toEqual([[all]])
      expect(yield* psql.query("select size_bytes from kafka.topic_overview")).toEqual([[all]])
      const put = "2023-11-14 22:13:20+00"
      expect(yield* psql.query("select * from kafka.object_overview")).toEqual([
        ["new", "1", "1000", each, put, null],
        ["merged", "1", "1000", each, put, null],
        ["erased", "1", "1000", "0", put, null],
        ["unused", "1", "1000", "0", put, "2023-11-14 22:13:21+00"]
      ])
      // Compacted partitions are summed up, one by one.
      yield* psql.query(
        "update kafka.partitions set cleaned_offset = 1; delete from kafka.batches where base_offset = 0"
      )
      expect(yield* psql.query("select size_bytes, row_bytes, object_bytes from kafka.storage_overview")).toEqual([
        [twice, each, each]
      ])
      yield* psql.query("delete from kafka.batches; delete from kafka.objects")
      expect(yield* psql.query("select * from kafka.storage_overview")).toEqual([["t", "0", "0", "0", "0", "0", "0"]])
      expect(yield* psql.query("select state, objects, bytes, live_bytes, oldest from kafka.object_overview")).toEqual(
        ["new", "merged", "erased", "unused"].map((state) => [state, "0", "0", "0", null])
      )
    })
  )

  it.live("names of objects are no secrets: kafka_admin reads them", () =>
    Effect.gen(function* () {
      const { psql } = yield* open
      yield* Effect.addFinalizer(() => {
        const all = "kafka_producer, kafka_consumer, kafka_admin"
        return Effect.ignore(psql.query(`reset role; drop owned by ${all} cascade; drop role ${all}`))
      })
      yield* makeSqlRoles(psql)
      for (const name of ["objects", "object_overview", "storage_overview"]) {
        yield* psql.query("reset role; set role kafka_admin")
        yield* psql.query(`select * from kafka.${name}`)
        yield* psql.query("reset role; grant usage on schema kafka to kafka_consumer; set role kafka_consumer")
        expect((yield* Effect.flip(psql.query(`select * from kafka.${name}`)))._tag).toBe("PgError")
      }
      yield* psql.query("reset role")
    }).pipe(Effect.scoped)
  )
})

describe("a search by time", () => {
  it.live("needs the rows alone", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      yield* commit(
        object(),
        ...[1n, 2n, 3n].map((i) => inObject(log.append([valued("v", i * 1000n)]), Number(i) * 100))
      )
      const found = yield* psql.query(
        "select t, kafka.first_base_at_time(1, t) from unnest(array[0, 1500, 3000, 3001]) t"
      )
      expect(found).toEqual([
        ["0", "0"],
        ["1500", "1"],
        ["3000", "2"],
        ["3001", null]
      ])
    })
  )
})
