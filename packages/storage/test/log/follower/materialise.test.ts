import { describe, expect, it } from "@effect/vitest"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { terminateWriter } from "../../pg/Stores.ts"
import { TestDatabase } from "../../pg/TestDatabase.ts"
import { startFollowed } from "./FollowedBroker.ts"
import { latest, lines, openMaterialised, reached, refusal, untilSome } from "./Materialised.ts"

const database = new TestDatabase()
const open = (partitions = 1) => openMaterialised(database, partitions)
const materialise = "select kafka.materialise('t', 'public.latest')"

describe("kafka.materialise", () => {
  it.live("keeps the latest value of each key, and what is deleted goes", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* append("t", ['a={"n": 1}', 'b={"n": 2}'])
      expect(yield* psql.query(materialise)).toEqual([["public.latest"]])
      yield* look
      yield* reached(psql, "latest", 1)
      expect(yield* latest(psql)).toEqual(['a {"n": 1}', 'b {"n": 2}'])
      yield* append("t", ['a={"n": 3}', "b=", 'c={"n": 4}', 'c={"n": 5}'], {})
      yield* reached(psql, "public.latest", 5)
      expect(yield* latest(psql)).toEqual(['a {"n": 3}', 'c {"n": 5}'])
      expect(
        yield* lines(psql, "select partition, next_offset, end_offset, lag, error from kafka.materialised")
      ).toEqual(["0 6 6 0 -"])
    }).pipe(Effect.scoped)
  )

  it.live("makes columns of the value by their paths, and of what else a record has", () =>
    Effect.gen(function* () {
      const { log, look, partitionIdOf, psql } = yield* open()
      yield* psql.query(`set timezone = 'UTC'; select kafka.materialise('t', 'public.latest', key => 'integer', columns => '{
        "total": "numeric(6,2)", "city": {"type": "varchar(10)", "path": "address.city"}, "tags": "text[]", "rest": "jsonb",
        "first": {"type": "text", "path": ["lines", "0", "a.b"]}, "bytes": "bytea", "raw": {"from": "value", "type": "text"},
        "p": {"from": "partition"}, "o": {"from": "offset"}, "at": {"from": "timestamp"}, "h": {"from": "headers"},
        "k": {"from": "key", "type": "bytea"}}')`)
      yield* look
      const value = `{"total": 12.345, "address": {"city": "Bonn"}, "tags": ["x", null, "y"], "rest": {"a": [1]},
        "lines": [{"a.b": "deep"}], "bytes": "AAH/"}`
      const headers = [
        { key: "trace", value: Buffer.from("17") },
        { key: "none", value: null }
      ]
      const records = [
        { key: Buffer.from("7"), value: Buffer.from(value), timestamp: 1_700_000_000_123n, headers },
        { key: Buffer.from("8"), value: Buffer.from('{"tags": null}'), timestamp: 0n }
      ]
      yield* log.append([{ partitionId: partitionIdOf("t"), stampTime: false, batch: encodeBatch(records) }])
      yield* reached(psql, "latest", 1)
      expect(
        yield* lines(
          psql,
          `select key, total, city, tags, rest, first, bytes, raw = $$${value}$$, p, o, at, h, k from public.latest order by key`
        )
      ).toEqual([
        String.raw`7 12.35 Bonn {x,NULL,y} {"a": [1]} deep \x0001ff t 0 0 2023-11-14 22:13:20.123+00 [["trace", "17"], ["none", null]] \x37`,
        String.raw`8 - - - - - - f 0 1 1970-01-01 00:00:00+00 - \x38`
      ])
    }).pipe(Effect.scoped)
  )

  it.live("takes the key out of JSON; a value that no column reads may be anything", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* psql.query(`select kafka.materialise('t', 'public.latest', '[{"name": "value", "from": "value", "type": "text"}]',
        key => '{"name": "key", "type": "bigint", "path": "payload.id"}')`)
      yield* look
      yield* append("t", [
        '{"payload":{"id":5}}=no JSON',
        '{"payload":{"id":6}}=x',
        '{"payload":{"id":"5"}}=newer',
        '{"payload":{"id":6}}='
      ])
      yield* reached(psql, "latest", 3)
      expect(yield* latest(psql)).toEqual(["5 newer"])
    }).pipe(Effect.scoped)
  )

  it.live("leaves out what was aborted, and waits for what is open", () =>
    Effect.gen(function* () {
      const { append, endTransaction, look, psql } = yield* open()
      const transactional = (producerId: bigint) => ({
        producerId,
        producerEpoch: 0,
        baseSequence: 0,
        isTransactional: true
      })
      yield* psql.query(materialise)
      yield* look
      yield* append("t", ["a=1"])
      yield* append("t", ["a=2"], transactional(1n))
      yield* append("t", ["b=3"], transactional(2n))
      yield* reached(psql, "latest", 0)
      yield* endTransaction("t", 1n, false)
      expect(yield* latest(psql)).toEqual(["a 1"])
      yield* endTransaction("t", 2n, true)
      yield* reached(psql, "latest", 4)
      expect(yield* latest(psql)).toEqual(["a 1", "b 3"])
    }).pipe(Effect.scoped)
  )

  it.live("goes on where it was after a restart, by steps, and from the log start where that overtook it", () =>
    Effect.gen(function* () {
      const { append, look, psql, stop } = yield* open()
      yield* psql.query(materialise)
      yield* look
      yield* append("t", ["a=0"])
      yield* reached(psql, "latest", 0)
      yield* stop
      const unwatched = yield* startFollowed(database, { following: undefined })
      for (let i = 1; i < 100; i++) yield* unwatched.append("t", [`a=${i}`, `${i}=${i}`])
      yield* unwatched.stop
      const next = yield* startFollowed(database, { following: new Set(), stepBytes: 1000 })
      yield* reached(psql, "latest", 198)
      expect(
        yield* lines(psql, "select count(*), max(value::text) filter (where key = 'a') from public.latest")
      ).toEqual(["100 99"])
      yield* next.stop
      const last = yield* startFollowed(database, { following: undefined })
      yield* last.append("t", ["gone=1"])
      yield* last.log.raiseLogStart(last.partitionIdOf("t"), 200n)
      yield* last.append("t", ["b=1"])
      yield* last.stop
      yield* startFollowed(database, { following: new Set() })
      yield* reached(psql, "latest", 200)
      expect(yield* lines(psql, "select key from public.latest where key in ('gone', 'b')")).toEqual(["b"])
    }).pipe(Effect.scoped)
  )

  it.live("goes on after the lock was lost and taken again", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* psql.query(materialise)
      yield* append("t", ["a=1"])
      yield* look
      yield* reached(psql, "latest", 0)
      yield* terminateWriter(psql)
      yield* Effect.eventually(
        Effect.flatMap(append("t", ["a=2"]), ([result]) =>
          "baseOffset" in result! ? Effect.void : Effect.fail("not yet")
        )
      )
      yield* reached(psql, "latest", 1)
      expect(yield* latest(psql)).toEqual(["a 2"])
    }).pipe(Effect.scoped)
  )

  it.live("a step stores nothing if its position is not there: another broker went on from it", () =>
    Effect.gen(function* () {
      const { append, look, partitionIdOf, psql, tables } = yield* open()
      yield* psql.query(materialise)
      yield* look
      yield* append("t", ["a=1"])
      yield* reached(psql, "latest", 0)
      const batches = [encodeBatch([{ key: Buffer.from("b"), value: Buffer.from("2") }], { baseOffset: 1n })]
      const step = { partitionId: partitionIdOf("t"), from: 0n, to: 2n, batches }
      const rows = tables.rowsOf((yield* tables.all)[0]!.id)
      const { version } = (yield* rows.position(step.partitionId))!
      expect(yield* rows.add(step, version)).toBe(undefined)
      expect(yield* latest(psql)).toEqual(["a 1"])
      // The follower itself finds that the position has moved, and goes on from there.
      const added = yield* rows.add({ ...step, from: 1n }, version)
      expect(added?.nextOffset).toBe(2n)
      expect(yield* rows.position(step.partitionId)).toEqual(added)
      yield* append("t", ["c=not seen", "d=4"])
      yield* append("t", ["e=5"])
      yield* reached(psql, "latest", 3)
      expect(yield* latest(psql)).toEqual(["a 1", "b 2", "d 4", "e 5"])
    }).pipe(Effect.scoped)
  )

  it.live("what a session that is lost carries out late brings back nothing that is erased, and clears nothing", () =>
    Effect.gen(function* () {
      const { append, look, partitionIdOf, psql, tables, topics } = yield* open()
      yield* psql.query(materialise)
      yield* look
      yield* append("t", ["a=1", "b=2"])
      yield* reached(psql, "latest", 1)
      const partitionId = partitionIdOf("t")
      const rows = tables.rowsOf((yield* tables.all)[0]!.id)
      const { nextOffset: to, version } = (yield* rows.position(partitionId))!
      const batches = [encodeBatch([{ key: Buffer.from("a"), value: Buffer.from("9") }], { baseOffset: to })]
      const erased = { partitionId, key: Buffer.from("a"), below: to }
      const since = { partitionId, from: to, to, batches: [] }
      expect(yield* rows.erase(erased, since, version)).toBe(true)
      expect(yield* latest(psql)).toEqual(["b 2"])
      const at = (yield* rows.position(partitionId))!
      expect([at.nextOffset, at.version === version]).toEqual([to, false])
      expect(yield* rows.add({ partitionId, from: to, to: to + 1n, batches }, version)).toBe(undefined)
      const kept = [encodeBatch([{ key: Buffer.from("a"), value: Buffer.from("9") }])]
      expect(yield* rows.erase(erased, { partitionId, from: 0n, to, batches: kept }, version)).toBe(false)
      // The broker before knew of no topic yet.
      expect(yield* rows.clear(undefined, 10)).toBe(undefined)
      expect(yield* rows.belongTo(undefined, "another")).toBe(false)
      expect(yield* latest(psql)).toEqual(["b 2"])
      expect((yield* tables.all)[0]!.topicId).toBe(topics.byName("t")!.topicId)
      expect(yield* rows.add({ partitionId, from: to, to: to + 1n, batches }, at.version)).toMatchObject({
        nextOffset: to + 1n
      })
      expect(yield* latest(psql)).toEqual(["a 9", "b 2"])
    }).pipe(Effect.scoped)
  )

  it.live("begins anew with a topic that is made anew, and takes partitions that are added", () =>
    Effect.gen(function* () {
      const { append, create, look, psql, topics } = yield* open()
      yield* psql.query(materialise)
      yield* look
      yield* append("t", ["a=1", "b=2"])
      yield* reached(psql, "latest", 1)
      yield* topics.remove(topics.byName("t")!.topicId)
      expect(yield* lines(psql, `select "table", partition, lag from kafka.materialised`)).toEqual([
        "public.latest - -"
      ])
      expect(yield* latest(psql)).toEqual(["a 1", "b 2"])
      yield* create("t")
      yield* append("t", ["b=3"])
      yield* reached(psql, "latest", 0)
      expect(yield* latest(psql)).toEqual(["b 3"])
      yield* topics.addPartitions("t", 2)
      yield* append("t", ["c=4"], {}, 1)
      yield* reached(psql, "latest", 0, 1)
      expect(yield* latest(psql)).toEqual(["b 3", "c 4"])
    }).pipe(Effect.scoped)
  )

  it.live("kafka.dematerialise ends it, and leaves the table or drops it", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      yield* psql.query(materialise)
      yield* look
      yield* append("t", ["a=1"])
      yield* reached(psql, "latest", 0)
      // Nobody takes it away by accident.
      expect(yield* refusal(psql, "drop table public.latest")).toBe("2BP01")
      yield* psql.query("select kafka.dematerialise('latest')")
      yield* look
      yield* append("t", ["a=2"])
      expect(yield* refusal(psql, "select kafka.await('latest', 0, 1)")).toBe("42704")
      expect(yield* latest(psql)).toEqual(["a 1"])
      expect(yield* refusal(psql, materialise)).toBe("55000")
      yield* psql.query(`truncate public.latest; ${materialise}`)
      yield* look
      yield* reached(psql, "latest", 1)
      expect(yield* latest(psql)).toEqual(["a 2"])
      yield* psql.query("select kafka.dematerialise('public.latest', drop_table => true)")
      expect(
        yield* lines(
          psql,
          "select to_regclass('public.latest'), count(*) from pg_proc where proname ~ 'materialised_\\d'"
        )
      ).toEqual(["- 0"])
    }).pipe(Effect.scoped)
  )

  it.live("a topic goes before a table of its name, and kafka.await_table knows tables alone", () =>
    Effect.gen(function* () {
      const { append, create, look, psql } = yield* open()
      yield* psql.query(materialise)
      yield* create("latest")
      yield* look
      yield* append("t", ["a=1"])
      yield* untilSome(psql, "select from kafka.materialised where next_offset = 1")
      expect(yield* psql.query("select kafka.await('latest', 0, 0, '1 ms')")).toEqual([["f"]])
      expect(yield* psql.query("select kafka.await_table('latest', 0, 0, '1 ms')")).toEqual([["t"]])
      expect(yield* psql.query("select kafka.await('public.latest', 0, 0, '1 ms')")).toEqual([["t"]])
      expect(yield* psql.query("select kafka.await('public.latest', 0, 1, '1 ms')")).toEqual([["f"]])
      expect(yield* refusal(psql, "select kafka.await_table('latest', 1, 0)")).toBe("22003")
      expect(yield* refusal(psql, "select kafka.await_table('nothing', 0, 0)")).toBe("42704")
      yield* psql.query("create schema other; select kafka.materialise('t', 'other.latest')")
      expect(yield* refusal(psql, "select kafka.await_table('latest', 0, 0)")).toBe("42P09")
    }).pipe(Effect.scoped)
  )

  it.live("fills a table that is there if it fits, and refuses one that does not", () =>
    Effect.gen(function* () {
      const { append, look, psql } = yield* open()
      const on = (table: string, more = "") => {
        const made = table === "" ? "" : `drop table if exists public.mine; create table public.mine (${table});`
        return `${made} select kafka.materialise('t', 'public.mine', '{"n": "integer"}'${more})`
      }
      expect(yield* refusal(psql, on("key text, n integer"))).toBe("42P10")
      expect(yield* refusal(psql, on("key text unique, n integer"))).toBe("42P10")
      expect(yield* refusal(psql, on("key text primary key, n bigint"))).toBe("42804")
      expect(yield* refusal(psql, on("key bytea primary key, n integer"))).toBe("42804")
      expect(yield* refusal(psql, on("key text primary key, m integer"))).toBe("42703")
      expect(yield* refusal(psql, on("key text primary key, n integer, m integer not null"))).toBe("23502")
      expect(yield* refusal(psql, on("key text primary key, n integer) partition by hash (key"))).toBe("42809")
      expect(yield* refusal(psql, "create view public.v as select 1; select kafka.materialise('t', 'public.v')")).toBe(
        "42809"
      )
      expect(yield* refusal(psql, "select kafka.materialise('nothing', 'public.x')")).toBe("42704")
      expect(yield* refusal(psql, "select kafka.materialise('t', 'public.x', on_error => 'wait')")).toBe("22023")
      for (const columns of [
        '"n"',
        '{"n": 1}',
        '{"n": {"typ": "text"}}',
        '{"n": {"from": "offset", "path": "a"}}',
        '[{"type": "text"}]'
      ]) {
        expect(yield* refusal(psql, `select kafka.materialise('t', 'public.x', '${columns}')`)).toBe("22023")
      }
      yield* psql.query(
        on(
          "key text primary key, extra text default 'x', n integer, doubled integer generated always as (n * 2) stored"
        )
      )
      expect(yield* refusal(psql, `select kafka.materialise('t', 'public.mine')`)).toBe("42710")
      yield* psql.query(on("", ", on_error => 'skip'"))
      yield* look
      yield* append("t", ['a={"n": 4}'])
      yield* reached(psql, "mine", 0)
      expect(yield* lines(psql, "select * from public.mine")).toEqual(["a x 4 8"])
    }).pipe(Effect.scoped)
  )
})
