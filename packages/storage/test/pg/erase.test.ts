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

const erase = (psql: PgConnection, call: string) => Effect.map(psql.query(`select kafka.erase(${call})`), ([row]) => row![0]!)

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
})
