/** What SQL sees of a topic in objects while a broker serves it, on a real Postgres. */
import { assert, describe, it } from "@effect/vitest"
import { Produce } from "@tusk/protocol/messages/Produce"
import { GZIP } from "@tusk/protocol/record/Compression"
import * as PgStore from "@tusk/storage/pg/PgStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PostgresServer, until } from "../../../storage/test/pg/PostgresServer.ts"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { ObjectsUnderTest } from "../ObjectBroker.ts"
import type { WireClient } from "../WireClient.ts"

const OBJECT = { "tusk.storage": "object" } as const

const produce = async (client: WireClient, name: string, ...batches: ReadonlyArray<Uint8Array>) => {
  for (const records of batches) {
    const topicData = [{ name, partitionData: [{ index: 0, records }] }]
    const { responses } = await client.call(Produce, 9, { acks: -1, timeoutMs: 10_000, topicData })
    assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
  }
}

/** A broker on a Postgres of its own with a store of objects, and a psql session. */
const started = Effect.gen(function* () {
  const server = yield* PostgresServer.make
  yield* server.start
  const store = Layer.orDie(PgStore.layer(server.options()))
  const objects = new ObjectsUnderTest()
  const settings = { tailCacheBytes: 0, readAheadBytes: 0, eraseBytesPerSecond: 1 << 30 }
  const broker = yield* Effect.acquireRelease(
    Effect.promise(() => startBroker(settings, { store, objects: objects.store })),
    (each) => Effect.promise(() => each[Symbol.asyncDispose]())
  )
  const client = yield* Effect.promise(() => broker.connect())
  return { broker, client, objects, psql: yield* server.psql }
})

describe("SQL over a topic in objects", () => {
  it.live(
    "reads its records where the broker keeps them as rows, and is refused where it does not",
    () =>
      Effect.gen(function* () {
        const { broker, client, objects, psql } = yield* started
        const values = (call: string) =>
          Effect.map(psql.query(`select "offset", kafka.as_text(value) from ${call}`), (rows) =>
            rows.map((row) => row.join(" "))
          )
        yield* Effect.promise(() => broker.createTopic("kept", 1, { ...OBJECT, "tusk.sql.records": "on" }))
        yield* Effect.promise(() => broker.createTopic("closed", 1, OBJECT))
        yield* psql.query("create table public.seen (value text)")
        const batches = [batchOf(["a", "b"]), batchOf(["c"], { compression: GZIP })]
        for (const topic of ["kept", "closed"]) yield* Effect.promise(() => produce(client, topic, ...batches))
        assert.isAbove(objects.names.length, 0)

        yield* psql.query("select kafka.await('kept', 0, 2)")
        assert.deepStrictEqual(yield* values("kafka.records('kept')"), ["0 a", "1 b", "2 c"])
        assert.deepStrictEqual(yield* values("kafka.topic_records"), ["0 a", "1 b", "2 c"])
        assert.deepStrictEqual(yield* values("kafka.poll('g', 'kept')"), ["0 a", "1 b", "2 c"])
        for (const call of ["kafka.records('closed')", "kafka.poll('g', 'closed')"]) {
          const error = yield* Effect.flip(psql.query(`select * from ${call}`))
          assert.deepInclude(error, {
            code: "0A000",
            message: "the batch at offset 0 lies in an object store, and only a broker reads it"
          })
        }

        // What SQL produces goes the same way, in the end: into an object.
        yield* psql.query("select kafka.produce('kept', value => 'd', key => 'k')")
        yield* psql.query("select kafka.await('kept', 0, 3)")
        assert.deepStrictEqual(yield* values("kafka.records('kept', from_offset => 3)"), ["3 d"])
        const kept = `select count(*) from kafka.batches b join kafka.partitions p using (partition_id) join kafka.topics t
          using (topic_id) where t.name = 'kept' and b.object_id is not null and b.data is null`
        assert.deepStrictEqual(yield* psql.query(kept), [["3"]])
        assert.deepStrictEqual(
          yield* psql.query("select topic, row_bytes, object_batches from kafka.storage_overview order by 1"),
          [
            ["closed", "0", "2"],
            ["kept", "0", "3"]
          ]
        )
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "materialises it, and erases a key of it",
    () =>
      Effect.gen(function* () {
        const { broker, client, psql } = yield* started
        yield* Effect.promise(() => broker.createTopic("t", 1, { ...OBJECT, "tusk.sql.records": "on" }))
        yield* psql.query(
          "select kafka.materialise('t', 'public.latest', columns => '{\"n\": \"integer\"}', on_error => 'skip')"
        )
        yield* Effect.promise(() => produce(client, "t", batchOf(["without a key"])))
        yield* psql.query(`select kafka.produce('t', value => v::text, key => k)
          from (values ('{"n": 1}', 'a'), ('{"n": 2}', 'b'), ('{"n": 3}', 'a')) r (v, k)`)
        yield* until(
          psql,
          "exists (select from public.latest where n = 3) and exists (select from public.latest where n = 2)"
        )
        assert.deepStrictEqual(yield* psql.query("select key, n from public.latest order by 1"), [
          ["a", "3"],
          ["b", "2"]
        ])
        yield* psql.query("select kafka.erase('t', key => 'a')")
        yield* until(psql, "exists (select from kafka.erasures where state = 'done')")
        assert.deepStrictEqual(yield* psql.query("select records from kafka.erasures"), [["2"]])
        assert.deepStrictEqual(yield* psql.query("select key, n from public.latest"), [["b", "2"]])
        assert.deepStrictEqual(
          yield* psql.query("select \"offset\", kafka.as_text(key) from kafka.records('t') where key is not null"),
          [["2", "b"]]
        )
      }).pipe(Effect.scoped),
    60_000
  )
})
