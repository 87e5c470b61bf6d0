/**
 * The client matrix: `npm run test:clients [-- --only kcat,kafkajs] [--storage embedded|memory|both] [--peer kafka]
 * [--bootstrap host:port [--restart-command "…"]]`. Each client does the same (Scenario.ts); a table tells the result.
 * With --old, clients of years ago are run in their place (old/OldScenario.ts). Ends with 1 where one failed; --verbose
 * tells each stage, and the broker's log after a failure. What it needs is fetched or built below `.cache/` on the first run.
 */
import { spawnSync } from "node:child_process"
import process from "node:process"
import { parseArgs } from "node:util"
import { startApacheKafka } from "../bench/kafka/ApacheKafka.ts"
import type { Broker } from "../bench/kafka/Broker.ts"
import { startTusk } from "../bench/kafka/TuskProcess.ts"
import type { Client } from "./Client.ts"
import { clients } from "./ClientList.ts"
import type { Job, Work } from "./Job.ts"
import { oldClients } from "./old/OldClients.ts"
import { oldScenario } from "./old/OldScenario.ts"
import { scenario } from "./Scenario.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    storage: { type: "string", default: "both" },
    peer: { type: "string", default: "tusk" },
    bootstrap: { type: "string" },
    "restart-command": { type: "string" },
    old: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false }
  }
})

interface Target {
  readonly storage: string
  readonly restarts: boolean
  readonly start: () => Promise<Broker>
}

/** A broker that somebody else started; the command restarts it and returns when it serves again. */
const external = (bootstrap: string, command: string | undefined): Target => ({
  storage: bootstrap,
  restarts: command !== undefined,
  start: async () => ({
    name: bootstrap,
    bootstrap,
    pids: () => [],
    restart: async () => {
      const done = spawnSync(command ?? "true", { shell: true, stdio: "inherit" })
      if (done.status !== 0) throw new Error(`the restart command ended with ${done.status}`)
    },
    stop: async () => {}
  })
})

// kcat creates topics by auto-creation only, so the broker's default number of partitions is the scenario's.
const settings = { "num.partitions": "4" }
const tusk = (storage: "embedded" | "memory"): Target => ({
  storage,
  restarts: storage !== "memory",
  start: () => startTusk({ storage, settings })
})

const targets = (): ReadonlyArray<Target> => {
  if (options.bootstrap !== undefined) return [external(options.bootstrap, options["restart-command"])]
  if (options.peer === "kafka") {
    return [{ storage: "kafka", restarts: true, start: () => startApacheKafka({ heap: "512m", settings }) }]
  }
  if (options.storage === "embedded" || options.storage === "memory") return [tusk(options.storage)]
  return [tusk("embedded"), tusk("memory")]
}

const jobOf = (client: Client): Job => ({
  name: client.name,
  prepare: async () => {
    const program = await client.prepare()
    if (typeof program === "string") return program
    return (broker, name, restarts, onStage) => scenario(program, broker, name, restarts, onStage)
  }
})
const oldJobs = oldClients.map((client): Job => ({
  name: client.name,
  prepare: async () => {
    const command = await client.prepare()
    if (typeof command === "string") return command
    return (broker, name, restarts, onStage) => oldScenario(client, command, broker, name, restarts, onStage)
  }
}))
const jobs = options.old ? oldJobs : clients.map(jobOf)

const wanted = (job: Job): boolean =>
  options.only === undefined || options.only.split(",").some((part) => job.name.toLowerCase().includes(part))

interface Row {
  readonly client: string
  readonly storage: string
  readonly result: string
  readonly seconds: string
}

const print = (rows: ReadonlyArray<Row>): void => {
  const width = (name: keyof Row) =>
    Math.max(name.length, ...rows.map((row) => (row[name].split("\n")[0] ?? "").length))
  const line = (row: Row) =>
    `${row.client.padEnd(width("client"))}  ${row.storage.padEnd(width("storage"))}  ${row.seconds.padStart(7)}  ${row.result.split("\n")[0]}`
  console.log(line({ client: "client", storage: "storage", result: "result", seconds: "seconds" }))
  for (const row of rows) console.log(line(row))
}

const works = new Map<Job, Work | string>()
for (const job of jobs.filter(wanted)) {
  console.log(`preparing ${job.name}`)
  const prepared = await job.prepare().catch((error: Error) => `could not be prepared: ${error.message}`)
  works.set(job, prepared)
  if (typeof prepared === "string") console.log(`  ${prepared}`)
}

const rows: Array<Row> = []
let failed = false
for (const { storage, restarts, start } of targets()) {
  const broker = await start()
  try {
    for (const [{ name: client }, work] of works) {
      if (typeof work === "string") {
        const why = work.split("\n")[0]
        rows.push({ client, storage, result: `skipped: ${why}`, seconds: "" })
        continue
      }
      const name = client.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")
      const began = performance.now()
      let result = "passed"
      try {
        await work(broker, `${name}-${process.pid}`, restarts, (stage, seconds) => {
          if (options.verbose) console.log(`  ${stage}: ${seconds.toFixed(1)} s`)
        })
      } catch (error) {
        failed = true
        result = `FAILED: ${error instanceof Error ? error.message : String(error)}`
      }
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      rows.push({ client, storage, result, seconds })
      console.log(`${client} on ${storage}: ${result} (${seconds} s)`)
      if (options.verbose && result !== "passed" && "log" in broker) console.log((broker.log as () => string)())
    }
  } finally {
    await broker.stop()
  }
}
console.log("")
print(rows)
process.exitCode = failed ? 1 : 0
