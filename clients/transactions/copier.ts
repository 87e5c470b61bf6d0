/**
 * Apache Kafka's TransactionalMessageCopier: three of them copy a topic of three partitions, with random aborts, and are
 * killed with -9 at random beside Tusk, which is killed too. What a read_committed reader then finds is the input: none
 * lost, none twice, each partition in order. `npm run test:copier [-- --records 100000] [--kills 20] [--group]`; `--group`:
 * partitions come from their group and not from the command line. Ends with 1 where something differs.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"
import { parseArgs } from "node:util"
import { createTopics, withWire } from "../../bench/groups/Target.ts"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { kill } from "../../bench/kafka/Program.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import { startProducing } from "../groups/Records.ts"
import { CommittedReader } from "./CommittedReader.ts"

const { values: options } = parseArgs({
  options: {
    /** In each partition. */
    records: { type: "string", default: "100000" },
    /** Of the copiers and of Tusk together. */
    kills: { type: "string", default: "20" },
    group: { type: "boolean", default: false }
  }
})
const [COUNT, KILLS] = [Number(options.records), Number(options.kills)]
const PARTITIONS = 3
const CHUNK = 5000
const [INPUT, OUTPUT] = ["copied", "copies"]
const PATIENCE_MS = 240_000

/** A copier that is begun anew whenever it ends before all is copied. */
class Copier {
  readonly #command: { readonly file: string; readonly args: ReadonlyArray<string> }
  #child: ChildProcess | undefined
  /** Ends that nobody asked for. */
  failures = 0
  kills = 0
  goesOn = true
  readonly done: Promise<void>

  constructor(classpath: string, bootstrap: string, partition: number) {
    const args = ["--broker-list", bootstrap, "--input-topic", INPUT, "--output-topic", OUTPUT]
    args.push("--consumer-group", "copiers", "--transactional-id", `copier-${partition}`, "--transaction-size", "100")
    args.push("--transaction-timeout", "10000", "--enable-random-aborts", "--use-group-metadata")
    args.push(...(options.group ? ["--group-mode"] : []), "--input-partition", `${partition}`)
    this.#command = javaCommand(classpath, "org.apache.kafka.tools.TransactionalMessageCopier", args)
    this.done = this.#run()
  }

  async #run(): Promise<void> {
    while (this.goesOn) {
      const child = spawn(this.#command.file, this.#command.args, { stdio: "ignore" })
      this.#child = child
      const how = await new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)))
      if (how === 0) return
      if (how !== null) this.failures++
    }
  }

  async kill(): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null) return
    this.kills++
    await kill(this.#child)
  }
}

const fill = async (bootstrap: string): Promise<void> => {
  const producing = await startProducing(bootstrap, INPUT)
  for (let from = 0; from < COUNT; from += CHUNK) await producing.send(PARTITIONS, Math.min(CHUNK, COUNT - from), from)
  await producing.stop()
}

/** What is wrong with a partition's copy; undefined: nothing. */
const difference = (values: ReadonlyArray<string>): string | undefined => {
  if (values.every((value, i) => value === `${i}`) && values.length === COUNT) return undefined
  const twice = values.length - new Set(values).size
  const at = values.findIndex((value, i) => value !== `${i}`)
  return `${values.length} of ${COUNT}, ${twice} twice, the first wrong one is ${at}: ${values.slice(at, at + 5).join(" ")}`
}

const { classpath } = await prepareJava()
const tusk = await startTusk({ storage: "embedded" })
let failed = 0
try {
  const { bootstrap } = tusk
  await createTopics(
    bootstrap,
    new Map([
      [INPUT, PARTITIONS],
      [OUTPUT, PARTITIONS]
    ])
  )
  await fill(bootstrap)
  const copiers = Array.from({ length: PARTITIONS }, (_, i) => new Copier(classpath, bootstrap, i))
  let brokerKills = 0
  let goesOn = true
  const all = Promise.all(copiers.map(({ done }) => done)).then(() => (goesOn = false))
  for (let kills = 0; kills < KILLS && goesOn; kills++) {
    // At random: no event is waited for.
    await delay(1000 + Math.random() * 3000)
    if (Math.random() < 0.6) {
      await copiers[Math.floor(Math.random() * PARTITIONS)]!.kill()
      continue
    }
    brokerKills++
    await tusk.kill()
    await tusk.start()
  }
  const ended = await Promise.race([all.then(() => true), delay(PATIENCE_MS).then(() => false)])
  const kills = copiers.reduce((sum, copier) => sum + copier.kills, 0)
  const failures = copiers.reduce((sum, copier) => sum + copier.failures, 0)
  console.log(`${kills} kills of copiers, ${brokerKills} of Tusk; copiers that gave up and began anew: ${failures}`)
  if (!ended) {
    failed++
    console.log(`FAIL the copiers are not done after ${PATIENCE_MS} ms`)
  }
  await withWire(bootstrap, async (wire) => {
    const copies = await new CommittedReader(new Map([[OUTPUT, PARTITIONS]])).rest(wire)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const wrong = difference(copies.flatMap((copy) => (copy.partition === partition ? [copy.value] : [])))
      if (wrong !== undefined) failed++
      console.log(
        `${wrong === undefined ? "ok  " : "FAIL"} partition ${partition}: ${wrong ?? `${COUNT} records, in order`}`
      )
    }
  })
  for (const copier of copiers) {
    copier.goesOn = false
    await copier.kill()
  }
} finally {
  await tusk.stop()
}
console.log(`${failed === 0 ? "passed" : "failed"}`)
process.exit(failed === 0 ? 0 : 1)
