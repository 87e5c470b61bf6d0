import { assert, describe, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { GZIP } from "@tusk/protocol/record/Compression"
import { makeMemoryObjectStore, MemoryObjects } from "../../src/object/memory/MemoryObjectStore.ts"
import { BothStorages } from "../../../server/test/objects/BothStorages.ts"
import { startBroker } from "../../../server/test/BrokerUnderTest.ts"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PgStore from "../../src/pg/PgStore.ts"
import { ObjectStore } from "../../src/port/ObjectStore.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const sql = (text: string): Promise<ReadonlyArray<ReadonlyArray<string | null>>> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(database.psql(), (psql) => psql.query(text))))

/** Asks until the answer is this one: what the broker does by itself has no event that SQL could wait for. */
const until = async (text: string, answer: string): Promise<void> => {
  for (let tries = 0; ; tries++) {
    // Rows that are not there yet may be an error: of a compressed batch they are all that SQL can read.
    const found = await sql(text).then(
      ([row]) => row?.[0],
      (error: unknown) => String(error)
    )
    if (found === answer) return
    if (tries > 600) throw new Error(`${text}: ${found}`)
    await sql("select pg_sleep(0.05)")
  }
}

const utf8 = new TextEncoder()
const batch = (i: number, compression: number): Uint8Array =>
  RecordBatch.encodeBatch(
    [i % 4, i].map((key) => ({
      key: utf8.encode(`"${key}"`),
      value: i === 3 ? null : utf8.encode(JSON.stringify({ i })),
      timestamp: 1000n + BigInt(i)
    })),
    { compression }
  )

describe("who follows a topic in objects", () => {
  it(
    "has the rows that one of rows gives: kafka.records, and a table of the newest of each key",
    {
      timeout: 60_000
    },
    async () => {
      await Effect.runPromise(database.empty)
      const store = Layer.merge(
        Layer.orDie(PgStore.layer(database.options())),
        Layer.succeed(ObjectStore, makeMemoryObjectStore(new MemoryObjects(), { maxBytes: 1 << 26 }))
      )
      await using broker = await startBroker({ tailCacheBytes: 0, readAheadBytes: 0 }, { store })
      const both = await BothStorages.create(broker, 1, { "tusk.sql.records": "on" })
      await sql(
        `select kafka.materialise('of-rows', 'public.of_rows'), kafka.materialise('of-objects', 'public.of_objects')`
      )
      const count = 24
      for (let i = 0; i < count; i++) {
        const [storage, compression] = [i < 8 || i >= 16 ? "object" : "row", i % 2 === 0 ? 0 : GZIP] as const
        if (i % 8 === 0) await both.keepIn(storage)
        assert.strictEqual((await both.produce(0, batch(i, compression))).errorCode, 0)
      }
      for (const { name } of both.sides) {
        await until(`select count(*) from kafka.records('${name}', max => 1000)`, String(2 * count))
      }
      const recordsOf = (name: string) =>
        sql(
          `select "offset", timestamp, encode(key, 'escape'), encode(value, 'escape') from kafka.records('${name}', max => 1000)`
        )
      assert.deepStrictEqual(await recordsOf("of-objects"), await recordsOf("of-rows"))
      assert.notStrictEqual((await sql("select count(*) from kafka.batches where object_id is not null"))[0]![0], "0")
      for (const table of ["of_rows", "of_objects"]) {
        await until(`select value ->> 'i' from public.${table} where key = '"3"'`, "23")
      }
      const tableOf = (name: string) => sql(`select key, value from public.${name} order by key`)
      const table = await tableOf("of_rows")
      assert.isAbove(table.length, 10)
      assert.deepStrictEqual(await tableOf("of_objects"), table)
    }
  )
})
