/**
 * Start-up: from the start of the broker's process to a port that answers ApiVersions (memory, embedded cold and warm),
 * from the open port to the first record produced and consumed in a fresh group, `Tusk.start()` and that of
 * `@tusk/test` after their import, and the memory of an idle broker. `node --conditions=tusk-source bench/startup.ts [--rounds 5] [--peer] [--json FILE]`;
 * `--peer` measures Apache Kafka as well. Ends with 1 where a bar is missed.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { runBench } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { repository, startApacheKafka } from "./kafka/ApacheKafka.ts"
import type { Broker } from "./kafka/Broker.ts"
import { firstRecordKafkajs, firstRecordPlatformatic } from "./kafka/FirstRecord.ts"
import { residentBytes } from "./kafka/ProcessTree.ts"
import { runOk } from "./kafka/Program.ts"
import { startTusk } from "./kafka/TuskProcess.ts"
import { Samples } from "./Samples.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    peer: { type: "boolean", default: false },
    "no-tusk": { type: "boolean", default: false },
    json: { type: "string" }
  }
})

/** Name of each figure, and the most it may be (issue bar; milliseconds or MB). */
const bars: Readonly<Record<string, number>> = {
  "memory: process start to serving, ms": 500,
  "embedded, nothing there: process start to serving, ms": 10_000,
  "embedded, warm: process start to serving, ms": 3000,
  "memory: open port to first record (kafkajs), ms": 1000,
  "memory: open port to first record (@platformatic/kafka), ms": 1000,
  "embedded: open port to first record (kafkajs), ms": 1000,
  "embedded: open port to first record (@platformatic/kafka), ms": 1000,
  "memory: idle broker, MB": 150,
  "embedded: idle broker, Postgres apart, MB": 150,
  "Tusk.start() after import, ms": 50,
  "@tusk/test: start() after import, ms": 150,
  "@tusk/test: start() with users, ACLs and TLS after import, ms": 150
}

const samples = new Samples(bars)

/** Both clients on a port that has just opened: only one is the first on each start, so they take turns. */
const firstRecord = async (kind: string, broker: Broker, number: number): Promise<void> => {
  const turns = [
    ["kafkajs", firstRecordKafkajs],
    ["@platformatic/kafka", firstRecordPlatformatic]
  ] as const
  const [name, run] = turns[number % 2] ?? turns[0]
  samples.note(`${kind}: open port to first record (${name}), ms`, await run(broker.bootstrap, `first-${number}`))
}

/** Idle for three seconds, then the resident memory of the Node process. */
const idle = async (figure: string, pid: number): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 3000))
  samples.note(figure, residentBytes(pid) / 1e6)
}

const memory = async (ending: Ending, number: number): Promise<void> => {
  const broker = await samples.timed("memory: process start to serving, ms", () =>
    ending.stopping(startTusk({ storage: "memory" }))
  )
  try {
    await firstRecord("memory", broker, number)
    await idle("memory: idle broker, MB", broker.nodePid())
  } finally {
    await broker.stop()
  }
}

const embedded = async (ending: Ending, number: number): Promise<void> => {
  const dataDir = mkdtempSync(join(tmpdir(), "tusk-startup-"))
  ending.add(() => rmSync(dataDir, { recursive: true, force: true }))
  try {
    const start = () => ending.stopping(startTusk({ storage: "embedded", dataDir: join(dataDir, "data") }))
    const cold = await samples.timed("embedded, nothing there: process start to serving, ms", start)
    await cold.stop()
    const warm = await samples.timed("embedded, warm: process start to serving, ms", start)
    try {
      await firstRecord("embedded", warm, number)
      await idle("embedded: idle broker, Postgres apart, MB", warm.nodePid())
    } finally {
      await warm.stop()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

const inProcess = async (): Promise<void> => {
  const figures = [
    ["Tusk.start() after import, ms", "inProcess.ts"],
    ["@tusk/test: start() after import, ms", "testKit.ts"],
    ["@tusk/test: start() with users, ACLs and TLS after import, ms", "testKit.ts", "secured"]
  ] as const
  for (const [figure, script, ...args] of figures) {
    const file = join(repository, "bench", "kafka", script)
    const { stdout } = await runOk(process.execPath, ["--conditions=tusk-source", file, ...args])
    samples.note(figure, Number(stdout.trim().split("\n").at(-1)))
  }
}

/** Apache Kafka: its start covers the format of its storage, which `tusk start` has to do as well. */
const kafka = async (ending: Ending, number: number): Promise<void> => {
  const began = performance.now()
  const broker = await ending.stopping(startApacheKafka())
  samples.note("Apache Kafka, nothing there: serving, ms", performance.now() - began)
  try {
    await firstRecord("Apache Kafka", broker, number)
    await samples.timed("Apache Kafka, warm: stop and serve again, ms", () => broker.restart())
    await idle("Apache Kafka: idle broker, MB", broker.pids()[0] ?? 0)
  } finally {
    await broker.stop()
  }
}

await runBench(async (ending) => {
  for (let number = 0; number < Number(options.rounds); number++) {
    if (!options["no-tusk"]) {
      await memory(ending, number)
      await embedded(ending, number)
      await inProcess()
    }
    if (options.peer) await kafka(ending, number)
  }

  samples.conclude(options.json)
})
