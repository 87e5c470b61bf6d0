import { assert, describe, it } from "@effect/vitest"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { valuesOf } from "../../../server/test/Batches.ts"
import { startBroker } from "../../../server/test/BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../../../server/test/BrokerUnderTest.ts"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import * as PgStore from "../../src/pg/PgStore.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

const sql = (text: string): Promise<ReadonlyArray<ReadonlyArray<string | null>>> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(database.psql(), (psql) => psql.query(text))))

/** Asks until the answer is this one: what the broker does by itself has no event that SQL could wait for. */
const until = async (text: string, answer: string): Promise<void> => {
  for (let tries = 0; ; tries++) {
    const [row] = await sql(text)
    if (row?.[0] === answer) return
    if (tries > 600) throw new Error(`${text}: ${row?.[0]}`)
    await sql("select pg_sleep(0.05)")
  }
}

const files = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => statSync(name).isFile())

const utf8 = new TextEncoder()

const produce = async (broker: BrokerUnderTest, name: string, records: ReadonlyArray<string>) => {
  const batch = RecordBatch.encodeBatch(
    records.map((record) => {
      const [key, value] = record.split("=") as [string, string]
      return { key: utf8.encode(key), value: utf8.encode(value) }
    })
  )
  const client = await broker.connect()
  const topicData = [{ name, partitionData: [{ index: 0, records: batch }] }]
  const { responses } = await client.call(Produce, 9, { acks: -1, topicData })
  assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
}

const read = async (broker: BrokerUnderTest, topic: string): Promise<ReadonlyArray<string>> => {
  const client = await broker.connect()
  const { responses } = await client.call(Fetch, 12, {
    ...{ maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, sessionEpoch: -1 },
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }]
  })
  return valuesOf(responses[0]!.partitions[0]!.records)
}

describe("what is erased of a topic in objects", () => {
  it("is in no object once these are merged and collected", { timeout: 120_000 }, async () => {
    await Effect.runPromise(database.empty)
    const folder = mkdtempSync(join(tmpdir(), "tusk-objects-"))
    const holding = (text: string) => files(folder).filter((name) => readFileSync(name).includes(text))
    try {
      const settings = {
        tailCacheBytes: 0,
        objectStore: pathToFileURL(folder).href,
        objectDeleteDelayMs: 0,
        objectMergeIntervalMs: 200,
        objectCollectIntervalMs: 100
      }
      const start = () => startBroker(settings, { store: Layer.orDie(PgStore.layer(database.options())) })
      const left: Array<string> = []
      {
        await using broker = await start()
        await broker.createTopic("people", 1, { "tusk.storage": "object" })
        await broker.createTopic("others", 1, { "tusk.storage": "object" })
        for (let i = 0; i < 12; i++) {
          await Promise.all([
            produce(broker, "people", [`ann=hidden ${i}`, `bob=shown ${i}`]),
            produce(broker, "others", [`x=other ${i}`])
          ])
          left.push(`shown ${i}`)
        }
        assert.isAbove(holding("hidden").length, 0)
        await sql("select kafka.erase('people', key => 'ann')")
        await until("select state from kafka.erasures", "done")
        await until("select count(*) from kafka.objects where erased", "0")
      }
      // Nothing that waits for its commit points to an object of two hours, which another broker has put.
      await sql("update kafka.objects set created_at = created_at - 7200000")
      await using broker = await start()
      await until(
        "select count(*) from kafka.objects where object_id not in (select object_id from kafka.batches where object_id is not null)",
        "0"
      )
      assert.deepStrictEqual([holding("hidden"), holding("ann")], [[], []])
      assert.isAbove(holding("shown").length, 0)
      assert.deepStrictEqual(await read(broker, "people"), left)
      assert.strictEqual((await read(broker, "others")).length, 12)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
