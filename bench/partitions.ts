/**
 * Many partitions in one broker on embedded Postgres: 10,000 by default, a record in each. How long they take to be made,
 * how long the start takes with them, Metadata and ListOffsets for all, the memory of the idle broker (Node alone), and
 * the CPU of broker and Postgres for each check of retention and compaction over all of them, beside the same broker that
 * hardly checks.
 * `node --conditions=tusk-source bench/partitions.ts [--partitions 10000] [--topics 100] [--rounds 3]
 * [--set log.cleanup.policy=compact] [--json FILE]`.
 * Ends with 1 where a bar is missed.
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runBench } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { sleep } from "./groups/Report.ts"
import { Wire } from "./groups/Wire.ts"
import { cpuSeconds, residentBytes } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"
import type { TuskBroker } from "./kafka/TuskProcess.ts"
import { Samples } from "./Samples.ts"

const { values: options } = parseArgs({
  options: {
    partitions: { type: "string", default: "10000" },
    topics: { type: "string", default: "100" },
    rounds: { type: "string", default: "3" },
    set: { type: "string", multiple: true, default: [] },
    json: { type: "string" }
  }
})
const topics = Number(options.topics)
const perTopic = Math.ceil(Number(options.partitions) / topics)
const rounds = Number(options.rounds)

/** Name of each figure, and the most it may be. */
const bars: Readonly<Record<string, number>> = {
  "start to serving, ms": 5000,
  "Metadata of all, ms": 200,
  "idle memory, MB": 400,
  "one check of retention and compaction, ms of CPU": 50
}
const samples = new Samples(bars)

const nameOf = (topic: number) => `topic-${String(topic).padStart(4, "0")}`
const names = Array.from({ length: topics }, (_, topic) => nameOf(topic))
const indices = Array.from({ length: perTopic }, (_, index) => index)
const failed = (errorCode: number, what: string): void => {
  if (errorCode !== 0) throw new Error(`${what}: error ${errorCode}`)
}

const make = async (wire: Wire): Promise<void> => {
  const wanted = names.map((name) => ({ name, numPartitions: perTopic, replicationFactor: 1 }))
  const { topics } = await wire.call(CreateTopics, 7, { topics: wanted, timeoutMs: 60_000 })
  for (const { errorCode, name } of topics) failed(errorCode, `making ${name}`)
}

const fillAll = async (wire: Wire): Promise<void> => {
  for (const name of names) {
    const partitionData = indices.map((index) => ({
      index,
      records: encodeBatch([{ timestamp: BigInt(Date.now()), key: new Uint8Array(4), value: new Uint8Array(100) }])
    }))
    const { responses } = await wire.call(Produce, 12, {
      acks: -1,
      timeoutMs: 60_000,
      topicData: [{ name, partitionData }]
    })
    for (const { errorCode } of responses[0]!.partitionResponses) failed(errorCode, `producing to ${name}`)
  }
}

const metadata = async (wire: Wire): Promise<void> => {
  const all = await wire.call(Metadata, 12, { topics: null })
  const topics = all.topics.filter(({ isInternal }) => !isInternal)
  const count = topics.reduce((sum, { partitions }) => sum + partitions.length, 0)
  if (count !== topics.length * perTopic) throw new Error(`Metadata tells of ${count} partitions`)
}

const ends = async (wire: Wire): Promise<void> => {
  const { topics } = await wire.call(ListOffsets, 7, {
    replicaId: -1,
    topics: names.map((name) => ({
      name,
      partitions: indices.map((partitionIndex) => ({ partitionIndex, timestamp: -1n }))
    }))
  })
  for (const { partitions } of topics) {
    for (const { errorCode, offset } of partitions) {
      failed(errorCode, "ListOffsets")
      if (offset !== 1n) throw new Error(`ListOffsets tells ${offset}`)
    }
  }
}

const given = options.set.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)] as const)
const settings = { "tusk.max.partitions": "100000", ...Object.fromEntries(given) }
const IDLE_MS = 6000

/** CPU of Node and Postgres while nobody asks for anything, in milliseconds. */
const idleCpu = async (broker: TuskBroker): Promise<number> => {
  const before = cpuSeconds(broker.pids())
  await sleep(IDLE_MS)
  return (cpuSeconds(broker.pids()) - before) * 1000
}

const measure = async (ending: Ending): Promise<void> => {
  const dataDir = mkdtempSync(join(tmpdir(), "tusk-partitions-"))
  ending.add(() => rmSync(dataDir, { recursive: true, force: true }))
  const first = await ending.stopping(startTusk({ storage: "embedded", dataDir: join(dataDir, "data"), settings }))
  try {
    const wire = await Wire.connect(first.bootstrap)
    await samples.timed(`making ${topics * perTopic} in one request, ms`, () => make(wire))
    await samples.timed("a record to each, ms", () => fillAll(wire))
    wire.close()
  } finally {
    await first.stop()
  }
  for (let round = 0; round < rounds; round++) {
    const start = () => ending.stopping(startTusk({ storage: "embedded", dataDir: join(dataDir, "data"), settings }))
    const broker = await samples.timed("start to serving, ms", start)
    let resting: number
    try {
      const wire = await Wire.connect(broker.bootstrap)
      await samples.timed("Metadata of all, ms", () => metadata(wire))
      await samples.timed("ListOffsets of all, first time, ms", () => ends(wire))
      for (let i = 0; i < 5; i++) await samples.timed("Metadata of all, ms", () => metadata(wire))
      await samples.timed("ListOffsets of all, ms", () => ends(wire))
      wire.close()
      await sleep(3000)
      samples.note("idle memory, MB", residentBytes(broker.nodePid()) / 1e6)
      resting = await idleCpu(broker)
      samples.note(`idle for ${IDLE_MS / 1000} s, ms of CPU`, resting)
    } finally {
      await broker.stop()
    }
    const every = 1000
    const checked = { ...settings, "log.retention.check.interval.ms": `${every}`, "log.cleaner.backoff.ms": `${every}` }
    const checking = await ending.stopping(
      startTusk({ storage: "embedded", dataDir: join(dataDir, "data"), settings: checked })
    )
    try {
      // The first one asks each partition for its oldest batch.
      await sleep(15 * every)
      const working = await idleCpu(checking)
      samples.note(
        "one check of retention and compaction, ms of CPU",
        Math.max(0, working - resting) / (IDLE_MS / every)
      )
      samples.note("idle memory with checks, MB", residentBytes(checking.nodePid()) / 1e6)
    } finally {
      await checking.stop()
    }
  }
}

await runBench(async (ending) => {
  await measure(ending)
  samples.conclude(options.json)
})
