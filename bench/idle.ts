/**
 * Bar 5: consumers that wait at the end of a topic, in fetch sessions: CPU of the broker's Node in percent of a core, and
 * the statements they cause (transactions of Postgres beside those without them).
 * `node --conditions=tusk-source bench/idle.ts [--consumers 1000] [--seconds 20] [--json FILE]`
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { parseArgs } from "node:util"
import { report } from "./Bars.ts"
import { openEmbeddedSql } from "./groups/EmbeddedSql.ts"
import { sleep } from "./groups/Report.ts"
import { Wire } from "./groups/Wire.ts"
import { cpuSeconds, residentBytes } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    consumers: { type: "string", default: "1000" },
    seconds: { type: "string", default: "20" },
    json: { type: "string" }
  }
})
const count = Number(options.consumers)
const seconds = Number(options.seconds)
const TOPIC = "idle"
const PARTITIONS = 10

const broker = await startTusk({ storage: "embedded" })
const admin = await Wire.connect(broker.bootstrap)
await admin.call(CreateTopics, 5, {
  topics: [{ name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1 }],
  timeoutMs: 10_000
})
const sql = await openEmbeddedSql(broker.dataDir)
const transactions = async () => {
  const rows = await sql.rows(
    "select pg_stat_clear_snapshot(), xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
  )
  return Number(rows[0]?.[1])
}

/** CPU in percent of a core, and transactions a second, while this many seconds pass. */
const watch = async () => {
  // Sessions tell their counts a second late.
  await sleep(3000)
  const before = { cpu: cpuSeconds([broker.nodePid()]), transactions: await transactions(), at: performance.now() }
  await sleep(seconds * 1000)
  const passed = (performance.now() - before.at) / 1000
  return {
    cpu: ((cpuSeconds([broker.nodePid()]) - before.cpu) / passed) * 100,
    transactions: ((await transactions()) - before.transactions) / passed
  }
}

let waitMs = 500
let running = true
let fetches = 0
const consume = async (wire: Wire, partition: number) => {
  let session = { sessionId: 0, sessionEpoch: 0 }
  while (running) {
    const first = session.sessionEpoch === 0
    const answer = await wire.call(Fetch, 12, {
      replicaId: -1,
      maxWaitMs: waitMs,
      minBytes: 1,
      maxBytes: 50 << 20,
      ...session,
      topics: first ? [{ topic: TOPIC, partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }] : []
    })
    if (answer.errorCode !== 0) throw new Error(`fetch: error ${answer.errorCode}`)
    fetches++
    session = { sessionId: answer.sessionId, sessionEpoch: session.sessionEpoch + 1 }
  }
}

// One that has come and gone: what its reading has opened is no matter of how many wait.
const one = await Wire.connect(broker.bootstrap)
await one.call(Fetch, 12, {
  replicaId: -1,
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 1 << 20,
  sessionEpoch: -1,
  topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }]
})
one.close()
const alone = await watch()
const wires: Array<Wire> = []
for (let i = 0; i < count; i++) wires.push(await Wire.connect(broker.bootstrap, `consumer-${i}`))
const consuming = wires.map((wire, i) => consume(wire, i % PARTITIONS))
await sleep(2000)
const short = await watch()
const shortFetches = fetches
waitMs = 5000
await sleep(6000)
fetches = 0
const long = await watch()
const rss = residentBytes(broker.nodePid())
running = false
await Promise.all(consuming)
for (const wire of [...wires, admin]) wire.close()
await sql.close()
await broker.stop()

report(
  [
    { bar: "5", what: `no consumers: CPU`, value: alone.cpu, unit: "% of core" },
    { bar: "5", what: `${count} consumers, max wait 500 ms: CPU`, value: short.cpu, unit: "% of core", most: 12 },
    { bar: "5", what: `${count} consumers, max wait 5 s: CPU`, value: long.cpu, unit: "% of core", most: 5 },
    {
      bar: "5",
      what: "transactions/s they cause",
      // The broker's own ping and this program's look make up the rest; a tenth a second is noise.
      value: Math.max(short.transactions, long.transactions) - alone.transactions,
      unit: "1/s",
      most: 0.2
    },
    { bar: "5", what: "fetches answered at 500 ms", value: shortFetches, unit: "" },
    { bar: "5", what: "memory of Node", value: rss / 1048576, unit: "MiB" }
  ],
  options.json
)
process.exit()
