/**
 * Transactions of real clients: each scenario on Tusk and on Apache Kafka of the same version, and whether the outcome is
 * the same. `npm run test:transactions [-- --storage memory] [--only tools,hanging,exhaustion,java,kafkajs,franz-go,librdkafka]`. Ends with 1 where one differs.
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import process from "node:process"
import { parseArgs } from "node:util"
import { withWire } from "../../bench/groups/Target.ts"
import { javaCommand, javaMissing, prepareJava, startApacheKafka } from "../../bench/kafka/ApacheKafka.ts"
import { runOk } from "../../bench/kafka/Program.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import type { Command } from "../Client.ts"
import { here, missing, prepareGo, preparePython, pythonMissing } from "../Preparing.ts"
import type { Broker } from "../../bench/kafka/Broker.ts"
import { exhaustionOutcomes } from "./exhaustion.ts"
import { hangingOutcomes, plantInKafka, plantInTusk } from "./hanging.ts"
import type { Plant } from "./hanging.ts"
import { toolOutcomes } from "./tools.ts"

const { values: options } = parseArgs({
  options: {
    storage: { type: "string", default: "embedded" },
    only: { type: "string", default: "tools,hanging,exhaustion,java,kafkajs,franz-go,librdkafka" }
  }
})

/** Sooner than by default, so that nobody waits for it. */
const SETTINGS = { "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500" }

/** Outcomes by scenario. */
type Outcomes = ReadonlyMap<string, string>

/** A client's program, for the arguments that all of them take: where the broker is, and a topic of three partitions. */
type Program = (bootstrap: string, topic: string) => Command

/** Outcomes on a broker; `plant` is how a transaction is left hanging there. */
type Asking = (bootstrap: string, plant: Plant) => Promise<Outcomes>

/** What needs no program. */
const wires: Readonly<Record<string, Asking>> = {
  tools: toolOutcomes,
  hanging: hangingOutcomes,
  exhaustion: exhaustionOutcomes
}

const clients: Readonly<Record<string, () => Promise<Program | string>>> = {
  java: async () => {
    const absent = await javaMissing()
    if (absent !== undefined) return absent
    const { classpath } = await prepareJava()
    return (...args) => javaCommand(classpath, "tusk.clients.Transactions", args)
  },
  kafkajs: async () => {
    return (...args) => ({
      file: process.execPath,
      args: ["--no-warnings", here("transactions", "kafkajs.mjs"), ...args]
    })
  },
  "franz-go": async () => {
    const absent = await missing("go", "version")
    if (absent !== undefined) return absent
    const file = await prepareGo("franz-go")
    return (...args) => ({ file, args: ["transactions", ...args] })
  },
  librdkafka: async () => {
    const absent = await pythonMissing()
    if (absent !== undefined) return absent
    const python = await preparePython("confluent-kafka")
    return (...args) => ({ file: python, args: [here("transactions", "librdkafka.py"), ...args] })
  }
}

const outcomesOn = async (bootstrap: string, name: string, program: Program): Promise<Outcomes> => {
  const topic = `tx-${name}`
  await withWire(bootstrap, (wire) =>
    wire.call(CreateTopics, 5, { topics: [{ name: topic, numPartitions: 3, replicationFactor: 1 }], timeoutMs: 10_000 })
  )
  const { args, file } = program(bootstrap, topic)
  const { stdout } = await runOk(file, args, { timeoutMs: 300_000 })
  const lines = stdout.split("\n").filter((line) => line.includes("\t"))
  return new Map(lines.map((line) => line.split("\t") as [string, string]))
}

const prepared = new Map<string, Asking>()
for (const name of options.only.split(",")) {
  const own = wires[name]
  if (name === "hanging" && options.storage === "memory") console.log("skip hanging: memory has no rows")
  else if (own !== undefined) prepared.set(name, own)
  if (own !== undefined) continue
  const program = await clients[name]?.()
  if (typeof program === "function") prepared.set(name, (bootstrap) => outcomesOn(bootstrap, name, program))
  else console.log(`skip ${name}: ${program ?? "there is no such client"}`)
}

const on = async (broker: Broker, plant: Plant) => {
  const found = new Map<string, Outcomes>()
  try {
    for (const [name, outcomes] of prepared) found.set(name, await outcomes(broker.bootstrap, plant))
  } finally {
    await broker.stop()
  }
  return found
}

const tusk = await startTusk({ storage: options.storage === "memory" ? "memory" : "embedded", settings: SETTINGS })
const mine = await on(tusk, plantInTusk(tusk))
const theirs = await on(await startApacheKafka({ settings: SETTINGS }), plantInKafka)

let [passed, failed] = [0, 0]
for (const [name, outcomes] of theirs) {
  for (const [scenario, outcome] of outcomes) {
    const own = mine.get(name)?.get(scenario)
    if (own === outcome) passed++
    else failed++
    const told = own === outcome ? outcome : `${own}, and on Apache Kafka ${outcome}`
    console.log(`${own === outcome ? "ok  " : "FAIL"} ${name.padEnd(10)} ${scenario.padEnd(9)} ${told}`)
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
