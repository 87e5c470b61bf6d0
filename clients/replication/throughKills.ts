/** Bar 1: records from Apache Kafka, two importers at once, and kills of every side, while the source is written to. */
import { committedOffsets, commitOffsets } from "@tusk/client/admin/GroupOffsets"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import { performance } from "node:perf_hooks"
import type { Ending } from "../../bench/Ending.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { startApacheKafka } from "../../bench/kafka/ApacheKafka.ts"
import type { KillableBroker } from "../../bench/kafka/Broker.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import type { Report } from "../failover/Report.ts"
import { Importer } from "./Importer.ts"
import { readByJava } from "./readByJava.ts"
import { clusterAt, compare, endsOf, insist, produce, topicAt } from "./World.ts"
import type { Cluster } from "./World.ts"

const TOPIC = "orders"
const PARTITIONS = 6
const A_BATCH = 50
const CODECS = [0, 0, 4, 3, 1, 2]
/** None, more than one at a time of a partition. */
const WRITERS = PARTITIONS

const recordOf = (id: number) => ({
  timestamp: 1_700_000_000_000n + BigInt(id),
  key: Buffer.from(`key-${id % 1000}`),
  value: Buffer.from(`value-${id}-${"x".repeat(id % 97)}`)
})

/** Writes so many records in all; what is written twice, as an answer was lost, lies there twice. */
const write = async (source: Cluster, count: number): Promise<void> => {
  let next = 0
  const writer = async (partition: number) => {
    while (next < count) {
      const from = next
      next += A_BATCH
      const records = Array.from({ length: Math.min(A_BATCH, count - from) }, (_, i) => recordOf(from + i))
      const batch = Batch.encodeBatch(records, { compression: CODECS[(from / A_BATCH) % CODECS.length]! })
      await produce(source, TOPIC, partition, batch)
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, partition) => writer(partition)))
}

/** Kills one after the other, so many times each. */
const killing = async (
  targets: ReadonlyArray<readonly [name: string, again: () => Promise<unknown>]>,
  rounds: number,
  isOver: () => boolean
): Promise<void> => {
  for (let i = 0; i < rounds * targets.length; i++) {
    const [name, again] = targets[i % targets.length]!
    await sleep(1000 + Math.random() * 3000)
    if (isOver()) return
    const began = performance.now()
    await again()
    console.log(`killed ${name}, back after ${((performance.now() - began) / 1000).toFixed(1)} s`)
  }
}

/** On a machine at work a broker that recovers its logs may take more than one start's patience. */
const STARTS = 4

const reborn = (broker: KillableBroker) => async () => {
  for (let left = STARTS; ; left--) {
    await broker.kill()
    try {
      return await broker.start()
    } catch (error) {
      if (left === 1) throw error
    }
  }
}

export const throughKills = async (
  ending: Ending,
  report: Report,
  { kills, records }: { readonly kills: number; readonly records: number }
): Promise<void> => {
  const kafka = await ending.stopping(startApacheKafka())
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  const source = await clusterAt(ending, kafka.bootstrap)
  const target = await clusterAt(ending, tusk.bootstrap)
  await topicAt(source, TOPIC, PARTITIONS, { "retention.ms": "-1" })
  const importers = [0, 1].map(() => new Importer(kafka.bootstrap, tusk.bootstrap, "--topics", TOPIC))
  for (const importer of importers) {
    importer.start()
    ending.add(() => importer.kill())
  }
  // What is stopped at an early end is not to be started again.
  let isOver = false
  ending.add(() => (isOver = true))
  const began = performance.now()
  const writing = write(source, records)
  const again = (importer: Importer) => async () => {
    await importer.kill()
    importer.start()
  }
  await killing(
    [
      ["importer", again(importers[0]!)],
      ["Apache Kafka", reborn(kafka)],
      ["other importer", again(importers[1]!)],
      ["Tusk", reborn(tusk)]
    ],
    kills,
    () => isOver
  )
  await writing
  report.note("written and killed", `${((performance.now() - began) / 1000).toFixed(0)} s, ${kills} times each`)
  report.none(
    "importers that gave up",
    importers.flatMap(({ failures }) => failures)
  )
  for (const importer of importers) await importer.kill()

  const committed = await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const [, end] = await endsOf(source, TOPIC, partition)
      return { topic: TOPIC, partition, offset: end / 2n, metadata: `m${partition}` }
    })
  )
  await insist(() => source.run(commitOffsets({ group: "billing", generation: -1, memberId: "" }, committed)))
  const finish = new Importer(kafka.bootstrap, tusk.bootstrap, "--topics", TOPIC, "--finish")
  const finished = performance.now()
  const code = await finish.run()
  report.check(
    "the cut-over ends well",
    code === 0,
    `${code}; ${((performance.now() - finished) / 1000).toFixed(1)} s`,
    "0"
  )
  if (code !== 0) console.log(finish.output)
  const compared = await compare(source, target, TOPIC, PARTITIONS)
  report.none("differences in offsets, headers and records' bytes", compared.differences)
  report.check(
    "records compared",
    compared.records >= records,
    `${compared.records} in ${compared.batches} batches`,
    `${records}`
  )
  report.check(
    "offsets of a group",
    JSON.stringify(await target.run(committedOffsets("billing")), bigints) === JSON.stringify(committed, bigints),
    "billing",
    "those of the source, with metadata"
  )
  const read = await readByJava(tusk.bootstrap, TOPIC, compared.records)
  report.check(
    "Java's consumer reads them",
    read.records === compared.records,
    `${read.records}`,
    `${compared.records}`
  )
  report.none("offsets that it was given twice or out of order", read.wrong)
  await produce(target, TOPIC, 0, Batch.encodeBatch([recordOf(0)]))
  report.note("the topic is written to", "as any other")
}

const bigints = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}` : value)
