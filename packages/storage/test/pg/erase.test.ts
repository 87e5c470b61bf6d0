import { assert, describe, it } from "@effect/vitest"
import { GZIP, LZ4, SNAPPY, ZSTD } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { Store } from "../../src/port/Store.ts"
import { startErasing } from "../log/erase/ErasingBroker.ts"
import type { ErasingOptions } from "../log/erase/ErasingBroker.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const start = (options: ErasingOptions = {}) => startErasing(Layer.effect(Store, database.open()), options)

/** A row of kafka.erasures. */
const rowOf = (psql: PgConnection, id: string) =>
  Effect.map(
    psql.query(`select state, waits_for, records, key is null, encode(key_sha256, 'hex'), progress, done_at is not null,
      wal_position is not null, vacuumed_at is not null from kafka.erasures where erasure_id = ${id}`),
    ([row]) => row!
  )

const until = (psql: PgConnection, id: string, state: string) =>
  Effect.repeat(rowOf(psql, id), { schedule: Schedule.spaced("20 millis"), until: ([now]) => now === state }).pipe(
    Effect.timeout("15 seconds")
  )

const erase = (psql: PgConnection, call: string) =>
  Effect.map(psql.query(`select kafka.erase(${call})`), ([row]) => row![0]!)

const SHA_42 = "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049"

describe("kafka.erase", () => {
  it.live("takes every record of a key, and nothing else, in batches of every codec", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const broker = yield* start()
      yield* broker.create("users")
      for (const compression of [0, GZIP, SNAPPY, LZ4, ZSTD]) {
        yield* broker.append("users", ["42=secret", "7=stays", "42=", "8="], { compression })
      }
      yield* broker.append("users", ["no key"])
      yield* broker.append("users", ["42=alone"])
      const before = yield* broker.batches("users")
      const id = yield* erase(psql, "'users', key => '42'")
      const row = yield* until(psql, id, "done")
      assert.deepStrictEqual(row.slice(1), [null, "11", "t", SHA_42, "1", "t", "t", "f"])
      const after = yield* broker.batches("users")
      assert.deepStrictEqual(after.map(RecordBatch.baseOffset), before.map(RecordBatch.baseOffset))
      assert.deepStrictEqual(after.map(RecordBatch.lastOffset), before.map(RecordBatch.lastOffset))
      assert.isTrue(after.every(RecordBatch.isCrcValid))
      assert.deepStrictEqual(yield* broker.records("users"), [
        ...[0, 4, 8, 12, 16].flatMap((at) => [`${at + 1} 7=stays`, `${at + 3} 8=`]),
        "20 no key"
      ])
      assert.deepStrictEqual(after[5], before[5])
      yield* broker.stop
    }).pipe(Effect.scoped)
  )

  it.live("of a text or of bytes: no key, no topic and no right are errors with hints", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const broker = yield* start()
      yield* broker.create("users")
      yield* broker.create("others")
      const refused = (call: string) =>
        Effect.map(Effect.flip(erase(psql, call)), (error) => (error as { readonly code: string }).code)
      assert.strictEqual(yield* refused("'nobody', key => '42'"), "42704")
      assert.strictEqual(yield* refused("'users', key => null::text"), "22004")
      assert.strictEqual(yield* refused("null, key => '42'"), "22004")
      yield* psql.query("drop role if exists eraser; create role eraser; set role eraser")
      yield* Effect.addFinalizer(() =>
        Effect.ignore(psql.query("reset role; drop owned by eraser cascade; drop role eraser"))
      )
      yield* psql.query("reset role; select kafka.allow('eraser', 'write', 'users'); set role eraser")
      assert.strictEqual(yield* refused("'users', key => '42'"), "42501")
      yield* psql.query("reset role; select kafka.allow('eraser', 'delete', 'users')")
      yield* erase(psql, "'others', key => 'mine'")
      yield* psql.query("set role eraser")
      const id = yield* erase(psql, "'users', key => '\\x3432'::bytea")
      yield* until(psql, id, "done")
      const seen = yield* psql.query("select topic, requested_by, encode(key_sha256, 'hex') from kafka.erasures")
      assert.deepStrictEqual(seen, [["users", "eraser", SHA_42]])
      yield* broker.stop
    }).pipe(Effect.scoped)
  )

  it.live("kafka.unpacked follows: what is behind is waited for, and other rows stay", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const locking = yield* database.psql()
      const broker = yield* start({ following: new Set(["users"]) })
      yield* broker.create("users")
      yield* broker.append("users", ["42=secret", "7=stays"], { compression: GZIP })
      yield* psql.query("select kafka.await('users', 0, 1, '15 s')")
      yield* locking.query("begin; lock table kafka.unpacked_positions")
      yield* broker.append("users", ["42=secret", "7=stays too"], { compression: GZIP })
      const id = yield* erase(psql, "'users', key => '42'")
      const row = yield* Effect.repeat(rowOf(psql, id), {
        schedule: Schedule.spaced("20 millis"),
        until: ([, why, records]) => why !== null || records === "2"
      })
      assert.notStrictEqual(row[0], "done")
      yield* locking.query("rollback")
      yield* until(psql, id, "done")
      const kept = yield* psql.query("select \"offset\", kafka.as_text(value) from kafka.records('users') order by 1")
      assert.deepStrictEqual(kept, [
        ["1", "stays"],
        ["3", "stays too"]
      ])
      yield* broker.stop
    }).pipe(Effect.scoped)
  )

  it.live("materialised tables follow: a later record's row stays, and a table that is locked is waited for", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const locking = yield* database.psql()
      const broker = yield* start()
      yield* broker.create("users")
      yield* psql.query(
        "select kafka.materialise('users', 'public.latest', '{\"n\": \"integer\"}', on_error => 'skip')"
      )
      yield* broker.append("users", ['42={"n": 1}', '7={"n": 2}', '43={"n": 3}', '42={"n": "secret"}'], {
        compression: GZIP
      })
      yield* broker.follower.look
      yield* psql.query("select kafka.await('public.latest', 0, 3, '15 s')")
      const troubles = "select skipped, skipped_error from kafka.materialised where topic = 'users'"
      assert.match(String(yield* psql.query(troubles)), /secret/)
      yield* locking.query("begin; lock table public.latest")
      const first = yield* erase(psql, "'users', key => '42'")
      yield* until(psql, first, "waits")
      yield* broker.append("users", ['43={"n": 4}'])
      yield* locking.query("rollback")
      yield* until(psql, first, "done")
      yield* psql.query("select kafka.await('public.latest', 0, 4, '15 s')")
      const rows = psql.query("select key, n from public.latest order by key")
      assert.deepStrictEqual(yield* rows, [
        ["43", "4"],
        ["7", "2"]
      ])
      assert.deepStrictEqual(yield* psql.query(troubles), [["1", null]])
      yield* locking.query("begin; lock table public.latest")
      const second = yield* erase(psql, "'users', key => '43'")
      yield* until(psql, second, "waits")
      yield* broker.append("users", ['43={"n": 5}'])
      yield* locking.query("rollback")
      yield* until(psql, second, "done")
      yield* psql.query("select kafka.await('public.latest', 0, 5, '15 s')")
      assert.deepStrictEqual(yield* rows, [
        ["43", "5"],
        ["7", "2"]
      ])
      yield* broker.stop
    }).pipe(Effect.scoped)
  )

  it.live("what kafka.produce left goes: waiting, refused, and as a dedup key", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      // Nothing drains the outbox here: what waits is taken out of it.
      const broker = yield* start({ erase: { outboxMs: 0 } })
      yield* broker.create("users")
      yield* psql.query(`select kafka.produce('users', value => 'secret', key => '42', dedup => '42');
        select kafka.produce('users', value => 'other', key => '7', dedup => '7');
        insert into kafka.outbox_refused (id, reason, partition_id, timestamp, key, value)
          select 1, 'test', partition_id, 0, k, 'v' from kafka.partitions, (values ('42'::bytea), ('7'::bytea)) v (k)`)
      const id = yield* erase(psql, "'users', key => '42'")
      yield* until(psql, id, "done")
      const left = yield* psql.query(`select 'outbox', kafka.as_text(key) from kafka.outbox
        union all select 'refused', kafka.as_text(key) from kafka.outbox_refused
        union all select 'dedup', key from kafka.outbox_keys order by 1`)
      assert.deepStrictEqual(left, [
        ["dedup", "7"],
        ["outbox", "7"],
        ["refused", "7"]
      ])
      yield* broker.stop
    }).pipe(Effect.scoped)
  )

  it.live("many at once are few passes; what comes later stays; the next broker goes on", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const first = yield* start()
      yield* first.create("users", 2)
      const records = Array.from({ length: 300 }, (_, i) => `k${i}=v${i}`)
      yield* first.append("users", records, { compression: GZIP })
      yield* first.append("users", ["k0=open"], {
        producerId: 7n,
        producerEpoch: 0,
        baseSequence: 0,
        isTransactional: true
      })
      yield* psql.query("select kafka.erase('users', key => 'k' || i) from generate_series(0, 249) i")
      yield* until(psql, "1", "waits")
      const [[progress]] = (yield* psql.query("select round(progress, 3) from kafka.erasures limit 1")) as [[string]]
      assert.strictEqual(progress, "0.997")
      yield* first.stop
      const next = yield* start()
      yield* next.append("users", ["k0=later"])
      yield* next.endTransaction("users", 7n, true)
      yield* until(psql, "250", "done")
      const sums = yield* psql.query(
        "select count(*), sum(records), count(distinct wal_position) < 3, bool_and(state = 'done') from kafka.erasures"
      )
      assert.deepStrictEqual(sums, [["250", "251", "t", "t"]])
      const left = yield* next.records("users")
      assert.strictEqual(left.filter((record) => record.includes("=")).length, 51 + 1)
      yield* next.stop
    }).pipe(Effect.scoped)
  )

  it.live("vacuum => true: then no page of a table holds it, and entries of indexes are gone", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const broker = yield* start()
      yield* broker.create("users")
      yield* broker.append("users", ["42=secret", "7=stays"])
      const id = yield* erase(psql, "'users', key => '42', vacuum => true")
      const row = yield* until(psql, id, "done")
      assert.deepStrictEqual(row.slice(6), ["t", "t", "t"])
      const [dead] = yield* psql.query("select n_dead_tup from pg_stat_user_tables where relname = 'erasure_requests'")
      assert.isDefined(dead)
      yield* broker.stop
    }).pipe(Effect.scoped)
  )

  it.live("of a topic that is deleted: done once its batches are gone", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const broker = yield* start()
      yield* broker.create("users")
      yield* broker.append("users", ["42=secret"])
      const id = yield* erase(psql, "'users', key => '42'")
      yield* broker.topics.remove(broker.topics.byName("users")!.topicId)
      yield* until(psql, id, "done")
      assert.deepStrictEqual(yield* psql.query("select count(*) from kafka.batches"), [["0"]])
      yield* broker.stop
    }).pipe(Effect.scoped)
  )

  it.live("a transaction that is rolled back asks for nothing", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const broker = yield* start()
      yield* broker.create("users")
      yield* psql.query("begin; select kafka.erase('users', key => '42'); rollback")
      assert.deepStrictEqual(yield* psql.query("select count(*) from kafka.erasures"), [["0"]])
      yield* broker.stop
    }).pipe(Effect.scoped)
  )
})
