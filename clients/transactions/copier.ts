/**
 * Apache Kafka's TransactionalMessageCopier: three of them copy a topic of three partitions, with random aborts, and are
 * killed with -9 at random beside Tusk, which is killed too. What a read_committed reader then finds is the input: none
 * lost, none twice, each partition in order. `npm run test:copier [-- --records 100000] [--kills 20] [--group]`; `--group`:
 * partitions come from their group and not from the command line. Ends with 1 where something differs.
 */
import { Fetch } from "@tusk/protocol/messages/Fetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { setTimeout as delay } from "node:timers/promises"
import { parseArgs } from "node:util"
import { batchesOf } from "../../bench/Fetched.ts"
import { createTopics, withWire } from "../../bench/groups/Target.ts"
import type { Wire } from "../../bench/groups/Wire.ts"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { kill } from "../../bench/kafka/Program.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import { startProducing } from "../groups/Records.ts"

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

/** What a read_committed reader finds from the start to the last stable offset. */
const committed = async (wire: Wire, topic: string, partition: number): Promise<ReadonlyArray<string>> => {
  const values: Array<string> = []
  const open = new Set<bigint>()
  for (let offset = 0n; ;) {
    const answer = await wire.call(Fetch, 12, {
      ...{ replicaId: -1, maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 22, sessionEpoch: -1, isolationLevel: 1 },
      topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 1 << 22 }] }]
    })
    const part = answer.responses[0]!.partitions[0]!
    if (part.errorCode !== 0) throw new Error(`Fetch of ${topic}-${partition}: error ${part.errorCode}`)
    const aborted = (part.abortedTransactions ?? []).toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
    for (const batch of batchesOf(part.records)) {
      const [producerId, last] = [RecordBatch.producerId(batch), RecordBatch.lastOffset(batch)]
      while (aborted.length > 0 && aborted[0]!.firstOffset <= last) open.add(aborted.shift()!.producerId)
      offset = last + 1n
      if (RecordBatch.isControl(batch)) open.delete(producerId)
      if (RecordBatch.isControl(batch) || (RecordBatch.isTransactional(batch) && open.has(producerId))) continue
      const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
      if (isKafkaError(records)) throw new Error(`a batch that cannot be read: ${records._tag}`)
      for (const { value } of records) values.push(Buffer.from(value!).toString())
    }
    if (offset >= part.lastStableOffset) return values
  }
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
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const wrong = difference(await committed(wire, OUTPUT, partition))
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
