/**
 * Produce and consume with Java's own ProducerPerformance and ConsumerPerformance, Tusk on embedded Postgres (fsync on)
 * beside Apache Kafka from Maven's jars, in alternating rounds of one run: medians, ratios, CPU of the broker for each
 * GB. `node --conditions=tusk-source bench/produce.ts`, options below.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import process from "node:process"
import { parseArgs } from "node:util"
import { median } from "./Bars.ts"
import { startApacheKafka } from "./kafka/ApacheKafka.ts"
import type { Broker } from "./kafka/Broker.ts"
import type { Consumed, Produced } from "./kafka/Performance.ts"
import { consume, createTopic, produce } from "./kafka/Performance.ts"
import { cpuSeconds } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "500000" },
    "record-size": { type: "string", default: "1024" },
    "batch-size": { type: "string", default: "131072" },
    linger: { type: "string", default: "5" },
    acks: { type: "string", default: "all" },
    partitions: { type: "string", default: "4" },
    /** `flush.messages` of Kafka's topic: 1 is durability equal to Tusk's, none is Kafka's default (no fsync). */
    flush: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    warmup: { type: "string", default: "50000" },
    storage: { type: "string", default: "embedded" },
    /** Which brokers run: tusk,kafka. */
    sides: { type: "string", default: "tusk,kafka" },
    /** A Tusk that runs already, and the ids of its processes for the CPU figures (`--pids 12,34`). */
    bootstrap: { type: "string" },
    pids: { type: "string", default: "" },
    "no-consume": { type: "boolean", default: false },
    json: { type: "string" },
    /** The produce ratio (Tusk to Kafka) below which the program ends with 1. */
    bar: { type: "string" },
    /** The consume rate of Tusk in MB/s below which the program ends with 1. */
    "consume-bar": { type: "string" }
  }
})

const records = Number(options.records)
const recordSize = Number(options["record-size"])
const gigabytes = (records * recordSize) / 1e9

interface Side {
  readonly id: "tusk" | "kafka"
  readonly broker: Broker
  readonly topicConfigs: Readonly<Record<string, string>>
}

interface Round extends Produced {
  readonly cpuPerGb: number
  readonly consumed?: Consumed & { readonly cpuPerGb: number }
}

const running = (bootstrap: string): Broker => ({
  name: `Tusk at ${bootstrap}`,
  bootstrap,
  pids: () => options.pids.split(",").filter(Boolean).map(Number),
  restart: async () => {},
  stop: async () => {}
})

const start: Readonly<Record<Side["id"], () => Promise<Side>>> = {
  tusk: async () => {
    const storage = options.storage === "memory" ? "memory" : "embedded"
    const broker = options.bootstrap === undefined ? await startTusk({ storage }) : running(options.bootstrap)
    return { id: "tusk", broker, topicConfigs: {} }
  },
  kafka: async () => ({
    id: "kafka",
    broker: await startApacheKafka(),
    topicConfigs: options.flush === "none" ? {} : { "flush.messages": options.flush }
  })
}

const producerProperties = {
  acks: options.acks,
  "batch.size": options["batch-size"],
  "linger.ms": options.linger,
  // Java's producer is idempotent by default, which only acks=all allows.
  ...(options.acks === "all" || options.acks === "-1" ? {} : { "enable.idempotence": "false" })
}

/** CPU that the broker uses while `work` runs, in seconds. */
const measured = async <A>(broker: Broker, work: () => Promise<A>) => {
  const before = cpuSeconds(broker.pids())
  const result = await work()
  return { result, cpu: cpuSeconds(broker.pids()) - before }
}

const round = async ({ broker, topicConfigs }: Side, name: string, count: number): Promise<Round> => {
  const { bootstrap } = broker
  await createTopic(bootstrap, name, Number(options.partitions), topicConfigs)
  const produced = await measured(broker, () => produce(bootstrap, name, count, recordSize, producerProperties))
  const cost = { ...produced.result, cpuPerGb: produced.cpu / gigabytes }
  if (options["no-consume"]) return cost
  const { result, cpu } = await measured(broker, () => consume(bootstrap, name, count))
  return { ...cost, consumed: { ...result, cpuPerGb: cpu / gigabytes } }
}

const figures: ReadonlyArray<readonly [string, (round: Round) => number | undefined]> = [
  ["produce MB/s", (one) => one.mbPerSecond],
  ["produce records/s", (one) => one.recordsPerSecond],
  ["produce latency avg ms", (one) => one.averageMs],
  ["produce latency p50 ms", (one) => one.p50Ms],
  ["produce latency p99 ms", (one) => one.p99Ms],
  ["produce CPU s/GB", (one) => one.cpuPerGb],
  ["consume MB/s", (one) => one.consumed?.fetchMbPerSecond],
  ["consume MB/s, join included", (one) => one.consumed?.mbPerSecond],
  ["consume CPU s/GB", (one) => one.consumed?.cpuPerGb]
]

const ids = options.sides.split(",").filter((id): id is Side["id"] => id === "tusk" || id === "kafka")
const sides: Array<Side> = []
const rounds = new Map<Side["id"], Array<Round>>(ids.map((id) => [id, []]))
try {
  for (const id of ids) sides.push(await start[id]())
  for (const side of sides) await round(side, `warm-up-${process.pid}`, Math.min(records, Number(options.warmup)))
  for (let number = 1; number <= Number(options.rounds); number++) {
    for (const side of number % 2 === 1 ? sides : sides.toReversed()) {
      const result = await round(side, `round-${number}-${process.pid}`, records)
      rounds.get(side.id)?.push(result)
      const consumed =
        result.consumed === undefined ? "" : `, consumed ${result.consumed.fetchMbPerSecond.toFixed(1)} MB/s`
      console.log(`round ${number}, ${side.broker.name}: produced ${result.mbPerSecond.toFixed(1)} MB/s${consumed}`)
    }
  }
} finally {
  for (const side of sides) await side.broker.stop()
}

const shown = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? "-" : value.toFixed(2))
const table = figures.map(([figure, pick]) => {
  const of = (id: Side["id"]) => {
    const values = (rounds.get(id) ?? []).map(pick).filter((value) => value !== undefined)
    return values.length === 0 ? undefined : median(values)
  }
  const [tusk, kafka] = [of("tusk"), of("kafka")]
  return { figure, tusk, kafka, ratio: tusk === undefined || kafka === undefined ? undefined : tusk / kafka }
})
const durability = options.flush === "none" ? "without fsync" : `flush.messages=${options.flush}`
console.log(
  `\n${records} records of ${recordSize} B, ${options.partitions} partitions, acks=${options.acks}, ` +
    `batch.size=${options["batch-size"]}, linger.ms=${options.linger}; Kafka ${durability}; medians of ${options.rounds}`
)
console.log(`${"".padEnd(30)}${["Tusk", "Kafka", "ratio"].map((head) => head.padStart(12)).join("")}`)
for (const { figure, tusk, kafka, ratio } of table) {
  console.log(`${figure.padEnd(30)}${[tusk, kafka, ratio].map((value) => shown(value).padStart(12)).join("")}`)
}
const report = {
  options,
  machine: { cpus: cpus().length, model: cpus()[0]?.model, node: process.version },
  medians: table,
  rounds: Object.fromEntries(rounds)
}
const text = JSON.stringify(report)
if (options.json === undefined) console.log(text)
else writeFileSync(options.json, `${text}\n`)

const below = (value: number | undefined, bar: string | undefined) =>
  bar !== undefined && !((value ?? 0) >= Number(bar))
const find = (figure: string) => table.find((row) => row.figure === figure)
if (below(find("produce MB/s")?.ratio, options.bar) || below(find("consume MB/s")?.tusk, options["consume-bar"])) {
  console.log("below the bar")
  process.exitCode = 1
}
