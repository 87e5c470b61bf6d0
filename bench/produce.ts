/**
 * Produce and consume with Java's own ProducerPerformance and ConsumerPerformance, Tusk on embedded Postgres (fsync on)
 * beside Apache Kafka from Maven's jars, back to back in each round of one run, the first one changing: medians of the
 * rounds' figures and of the rounds' ratios, CPU of the broker for each GB. `node --conditions=tusk-source bench/produce.ts`, options below.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import process from "node:process"
import { parseArgs } from "node:util"
import { median } from "./Bars.ts"
import { runBench, settle } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { startApacheKafka } from "./kafka/ApacheKafka.ts"
import type { Broker } from "./kafka/Broker.ts"
import type { Consumed, Produced } from "./kafka/Performance.ts"
import { consume, createTopic, produce } from "./kafka/Performance.ts"
import { cpuSeconds } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    records: { type: "string" },
    "record-size": { type: "string", default: "1024" },
    "batch-size": { type: "string", default: "131072" },
    linger: { type: "string", default: "5" },
    acks: { type: "string", default: "all" },
    partitions: { type: "string", default: "4" },
    /** `flush.messages` of Kafka's topic: 1 is durability equal to Tusk's, none is Kafka's default (no fsync). */
    flush: { type: "string", default: "1" },
    rounds: { type: "string" },
    /** Records of a round of each side that is not counted. */
    warmup: { type: "string", default: "100000" },
    /** 200,000 records, one round. */
    quick: { type: "boolean", default: false },
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

const records = Number(options.records ?? (options.quick ? 200_000 : 500_000))
const roundCount = Number(options.rounds ?? (options.quick ? 1 : 3))
const recordSize = Number(options["record-size"])

interface Side {
  readonly id: "tusk" | "kafka"
  readonly broker: Broker
  /** The broker's own process, the database apart. */
  readonly process: () => number
  readonly topicConfigs: Readonly<Record<string, string>>
}

/** Seconds of CPU for each GB. */
interface Cpu {
  /** Of the broker's own process and the database. */
  readonly cpuPerGb: number
  /** Of the broker's own process. */
  readonly ownCpuPerGb: number
}

interface Round extends Produced, Cpu {
  readonly consumed?: Consumed & Cpu
}

const running = (bootstrap: string): Broker => ({
  name: `Tusk at ${bootstrap}`,
  bootstrap,
  pids: () => options.pids.split(",").filter(Boolean).map(Number),
  restart: async () => {},
  stop: async () => {}
})

const tusk = async (ending: Ending): Promise<Side> => {
  if (options.bootstrap !== undefined) {
    const broker = running(options.bootstrap)
    return { id: "tusk", broker, process: () => broker.pids()[0] ?? 0, topicConfigs: {} }
  }
  const storage = options.storage === "memory" ? "memory" : "embedded"
  const broker = await ending.stopping(startTusk({ storage }))
  return { id: "tusk", broker, process: broker.nodePid, topicConfigs: {} }
}

const kafka = async (ending: Ending): Promise<Side> => {
  const broker = await ending.stopping(startApacheKafka())
  const topicConfigs = options.flush === "none" ? {} : { "flush.messages": options.flush }
  return { id: "kafka", broker, process: () => broker.pids()[0] ?? 0, topicConfigs }
}

const start = { tusk, kafka }

const producerProperties = {
  acks: options.acks,
  "batch.size": options["batch-size"],
  "linger.ms": options.linger,
  // Java's producer is idempotent by default, which only acks=all allows.
  ...(options.acks === "all" || options.acks === "-1" ? {} : { "enable.idempotence": "false" })
}

/** The result of `work`, and the CPU that the broker uses for it. */
const measured = async <A>(side: Side, count: number, work: () => Promise<A>): Promise<A & Cpu> => {
  await settle()
  const used = () => [cpuSeconds(side.broker.pids()), cpuSeconds([side.process()])] as const
  const before = used()
  const result = await work()
  const after = used()
  const gigabytes = (count * recordSize) / 1e9
  return {
    ...result,
    cpuPerGb: (after[0] - before[0]) / gigabytes,
    ownCpuPerGb: (after[1] - before[1]) / gigabytes
  }
}

const round = async (side: Side, name: string, count: number): Promise<Round> => {
  const { bootstrap } = side.broker
  await createTopic(bootstrap, name, Number(options.partitions), side.topicConfigs)
  const produced = await measured(side, count, () => produce(bootstrap, name, count, recordSize, producerProperties))
  if (options["no-consume"]) return produced
  return { ...produced, consumed: await measured(side, count, () => consume(bootstrap, name, count)) }
}

const figures: ReadonlyArray<readonly [string, (round: Round) => number | undefined]> = [
  ["produce MB/s", (one) => one.mbPerSecond],
  ["produce records/s", (one) => one.recordsPerSecond],
  ["produce latency avg ms", (one) => one.averageMs],
  ["produce latency p50 ms", (one) => one.p50Ms],
  ["produce latency p99 ms", (one) => one.p99Ms],
  ["produce CPU s/GB", (one) => one.cpuPerGb],
  ["produce CPU s/GB, Postgres apart", (one) => one.ownCpuPerGb],
  ["consume MB/s", (one) => one.consumed?.fetchMbPerSecond],
  ["consume MB/s, join included", (one) => one.consumed?.mbPerSecond],
  ["consume CPU s/GB", (one) => one.consumed?.cpuPerGb],
  ["consume CPU s/GB, Postgres apart", (one) => one.consumed?.ownCpuPerGb]
]

const ids = options.sides.split(",").filter((id): id is Side["id"] => id === "tusk" || id === "kafka")
const rounds: Readonly<Record<Side["id"], Array<Round>>> = { tusk: [], kafka: [] }

const measure = async (ending: Ending): Promise<void> => {
  const sides: Array<Side> = []
  for (const id of ids) sides.push(await start[id](ending))
  for (const side of sides) await round(side, `warm-up-${process.pid}`, Math.min(records, Number(options.warmup)))
  for (let number = 1; number <= roundCount; number++) {
    for (const side of number % 2 === 1 ? sides : sides.toReversed()) {
      const result = await round(side, `round-${number}-${process.pid}`, records)
      rounds[side.id].push(result)
      const consumed =
        result.consumed === undefined ? "" : `, consumed ${result.consumed.fetchMbPerSecond.toFixed(1)} MB/s`
      console.log(`round ${number}, ${side.broker.name}: produced ${result.mbPerSecond.toFixed(1)} MB/s${consumed}`)
    }
  }
}

const shown = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? "-" : value.toFixed(2))

const conclude = (): void => {
  const table = figures.map(([figure, pick]) => {
    const of = (id: Side["id"]) => rounds[id].map(pick).filter((value) => value !== undefined)
    const [tusk, kafka] = [of("tusk"), of("kafka")]
    // A round's two sides ran back to back: what the machine did meanwhile, it did to both.
    const ratios = tusk.length === kafka.length ? tusk.map((value, i) => value / kafka[i]!) : []
    const middle = (values: ReadonlyArray<number>) => (values.length === 0 ? undefined : median(values))
    return { figure, tusk: middle(tusk), kafka: middle(kafka), ratio: middle(ratios), ratios }
  })
  const durability = options.flush === "none" ? "without fsync" : `flush.messages=${options.flush}`
  console.log(
    `\n${records} records of ${recordSize} B, ${options.partitions} partitions, acks=${options.acks}, ` +
      `batch.size=${options["batch-size"]}, linger.ms=${options.linger}; Kafka ${durability}; medians of ${roundCount}`
  )
  const heads = ["Tusk", "Kafka", "ratio"].map((head) => head.padStart(12)).join("")
  console.log(`${"".padEnd(34)}${heads}   ratio of each round`)
  for (const { figure, kafka, ratio, ratios, tusk } of table) {
    if (tusk === undefined && kafka === undefined) continue
    const cells = [tusk, kafka, ratio].map((value) => shown(value).padStart(12)).join("")
    console.log(`${figure.padEnd(34)}${cells}   ${ratios.map(shown).join(" ")}`)
  }
  const report = {
    options,
    machine: { cpus: cpus().length, model: cpus()[0]?.model, node: process.version },
    medians: table,
    rounds
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
}

await runBench(async (ending) => {
  await measure(ending)
  conclude()
})
