/**
 * From `kafka.produce`, committed at once, to the record in a Kafka consumer that waits: one call now and then, with the
 * broker asleep, and a steady rate. `npm run bench:sql-latency [-- --calls 60] [--rate 2000] [--seconds 15] [--json FILE]`.
 */
import { performance } from "node:perf_hooks"
import { parseArgs } from "node:util"
import { report } from "../Bars.ts"
import { runBench } from "../Ending.ts"
import type { Ending } from "../Ending.ts"
import { openEmbeddedSql } from "../groups/EmbeddedSql.ts"
import { holdsWithin, quantile, sleep } from "../groups/Report.ts"
import { createTopics } from "../groups/Target.ts"
import { Wire } from "../groups/Wire.ts"
import { startTusk } from "../kafka/TuskProcess.ts"
import { Delivery, stamped } from "./Delivery.ts"

const { values: options } = parseArgs({
  options: {
    calls: { type: "string", default: "60" },
    rate: { type: "string", default: "2000" },
    seconds: { type: "string", default: "15" },
    json: { type: "string" }
  }
})
const [calls, rate, seconds] = [options.calls, options.rate, options.seconds].map(Number) as [number, number, number]
const LANES = 8
const VALUE_BYTES = 1024

const measure = async (ending: Ending): Promise<void> => {
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  await createTopics(
    tusk.bootstrap,
    new Map([
      ["idle", 1],
      ["steady", 1]
    ])
  )
  const one = await openEmbeddedSql(tusk.dataDir)
  const produce = (sql: typeof one, topic: string) =>
    sql.rows(`select kafka.produce('${topic}', value => '${stamped(VALUE_BYTES)}')`)

  const idle = new Delivery(await Wire.connect(tusk.bootstrap), "idle", 0n)
  for (let i = 0; i < calls; i++) {
    // Long enough for the broker to fall asleep.
    await sleep(350)
    await produce(one, "idle")
  }
  const steady = new Delivery(await Wire.connect(tusk.bootstrap), "steady", 0n)
  const lane = async (): Promise<number> => {
    const sql = await openEmbeddedSql(tusk.dataDir)
    const began = performance.now()
    let count = 0
    for (; performance.now() - began < seconds * 1000; count++) {
      const wait = began + (count * 1000 * LANES) / rate - performance.now()
      if (wait > 1) await sleep(wait)
      await produce(sql, "steady")
    }
    await sql.close()
    return count
  }
  const counts = await Promise.all(Array.from({ length: LANES }, lane))
  const produced = counts.reduce((sum, count) => sum + count, 0)
  const all = await holdsWithin(10_000, async () => steady.latencies.length === produced, 20)
  if (!all) throw new Error(`${steady.latencies.length} of ${produced} records came`)
  idle.stop()
  steady.stop()
  await Promise.all([idle.ended, steady.ended, one.close()])
  const row = (what: string, value: number, most?: number) => ({
    bar: "1",
    what,
    value,
    unit: "ms",
    ...(most && { most })
  })
  report(
    [
      row("idle broker, p50", quantile(idle.latencies.slice(5), 0.5), 5),
      row("idle broker, p99", quantile(idle.latencies.slice(5), 0.99)),
      row(`${rate} records/s, p50`, quantile(steady.latencies, 0.5)),
      row(`${rate} records/s, p99`, quantile(steady.latencies, 0.99), 30)
    ],
    options.json
  )
}

await runBench(measure)
