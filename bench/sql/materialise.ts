/**
 * Records that a table of `kafka.materialise` takes in a second, out of a topic that is there: many records of few keys, and
 * each key once; beside the same topic as rows of `kafka.unpacked`. In the end a snapshot is held, and it goes on at its rate.
 * `node --conditions=tusk-source bench/sql/materialise.ts [--records 200000] [--json FILE]`
 */
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import { Produce } from "@tusk/protocol/messages/Produce"
import { LZ4 } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { performance } from "node:perf_hooks"
import { parseArgs } from "node:util"
import { report } from "../Bars.ts"
import { runBench } from "../Ending.ts"
import type { Ending } from "../Ending.ts"
import { openEmbeddedSql } from "../groups/EmbeddedSql.ts"
import type { Sql } from "../groups/EmbeddedSql.ts"
import { createTopics } from "../groups/Target.ts"
import { Wire } from "../groups/Wire.ts"
import { startTusk } from "../kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: { records: { type: "string", default: "200000" }, json: { type: "string" } }
})
const records = Number(options.records)
const PER_BATCH = 200
const FEW = 5000

const COLUMNS = `'{"n": "bigint", "city": {"type": "text", "path": "address.city"}, "at": {"from": "timestamp"}}'`

/** Records of 250 bytes as JSON. */
const fill = async (bootstrap: string, topic: string, keys: number, count: number): Promise<void> => {
  const wire = await Wire.connect(bootstrap)
  for (let at = 0; at < count; at += PER_BATCH) {
    const batch = Array.from({ length: PER_BATCH }, (_, i) => {
      const n = at + i
      const value = JSON.stringify({
        n,
        address: { city: `city ${n % 100}`, street: "x".repeat(60) },
        text: "y".repeat(120)
      })
      return { key: Buffer.from(`key-${(n * 7919) % keys}`), value: Buffer.from(value), timestamp: BigInt(Date.now()) }
    })
    const encoded = RecordBatch.encodeBatch(batch, { compression: LZ4 })
    const answer = await wire.call(Produce, 9, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: encoded }] }]
    })
    const code = answer.responses[0]!.partitionResponses[0]!.errorCode
    if (code !== 0) throw new Error(`Produce was answered ${code}`)
  }
  wire.close()
}

/** Records a second from a statement that begins a follower to its last record. */
const rateOf = async (sql: Sql, begin: () => Promise<unknown>, awaited: string, last: number): Promise<number> => {
  const began = performance.now()
  await begin()
  // What there is not yet cannot be awaited: it is looked for once a second.
  const [row] = await sql.rows(`select kafka.await('${awaited}', 0, ${last}, '10 min')`)
  if (row?.[0] !== "t") throw new Error(`${awaited} has not come to ${last}`)
  return (last + 1) / ((performance.now() - began) / 1000)
}

const measure = async (ending: Ending): Promise<void> => {
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  await createTopics(
    tusk.bootstrap,
    new Map([
      ["few", 1],
      ["once", 1]
    ])
  )
  await fill(tusk.bootstrap, "few", FEW, records)
  await fill(tusk.bootstrap, "once", records, records)
  const sql = await openEmbeddedSql(tusk.dataDir)
  const materialise = (topic: string, table: string) => () =>
    sql.rows(`select kafka.materialise('${topic}', 'public.${table}', ${COLUMNS})`)
  const few = await rateOf(sql, materialise("few", "few_latest"), "few_latest", records - 1)
  const once = await rateOf(sql, materialise("once", "once_latest"), "once_latest", records - 1)
  const wire = await Wire.connect(tusk.bootstrap)
  const keepRows = () =>
    wire.call(AlterConfigs, 1, {
      resources: [{ resourceType: 2, resourceName: "few", configs: [{ name: "tusk.sql.records", value: "on" }] }]
    })
  const unpacked = await rateOf(sql, keepRows, "few", records - 1)
  const holder = await openEmbeddedSql(tusk.dataDir)
  await holder.rows("begin isolation level repeatable read; select count(*) from kafka.topics")
  const rounds: Array<number> = []
  for (let round = 1; round <= 4; round++) {
    const count = Math.ceil(records / 4 / PER_BATCH) * PER_BATCH
    const last = records + round * count - 1
    const began = performance.now()
    await fill(tusk.bootstrap, "few", FEW, count)
    await sql.rows(`select kafka.await('few_latest', 0, ${last}, '10 min')`)
    rounds.push(count / ((performance.now() - began) / 1000))
  }
  await holder.rows("commit")
  await Promise.all([sql.close(), holder.close()])
  wire.close()
  const row = (what: string, value: number) => ({ bar: "", what, value, unit: "records/s" })
  report(
    [
      row(`${FEW} keys, ${records} records`, few),
      row("each key once", once),
      row("as rows of kafka.unpacked", unpacked),
      row("beside a snapshot, first quarter (with producing)", rounds[0]!),
      row("beside a snapshot, last quarter", rounds.at(-1)!)
    ],
    options.json
  )
}

await runBench(measure)
