import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { holdsWithin } from "../../bench/groups/Report.ts"
import { startTarget, withWire } from "../../bench/groups/Target.ts"
import type { Against } from "../../bench/groups/Target.ts"
import type { Wire } from "../../bench/groups/Wire.ts"
import { normalised } from "../groups/Golden.ts"
import { startToolShell } from "../groups/ToolShell.ts"
import type { tools } from "../groups/ToolShell.ts"

const TOPIC = "tiered"
const HOUR = 3_600_000
/** Batches of a record each, an hour apart: a segment each in Apache Kafka. The newest one is too young to move. */
const BATCHES = 5
const LATEST_TIERED = -5n
const EARLIEST = -2n

const kafkaSettings = {
  "remote.log.storage.system.enable": "true",
  "remote.log.storage.manager.class.name": "tusk.clients.RemoteStorage",
  "remote.log.metadata.manager.listener.name": "PLAINTEXT",
  "rlmm.config.remote.log.metadata.topic.replication.factor": "1",
  "rlmm.config.remote.log.metadata.topic.num.partitions": "1",
  "remote.log.manager.task.interval.ms": "300",
  "log.retention.check.interval.ms": "300",
  "log.initial.task.delay.ms": "300"
}
const tuskSettings = (folder: string) => ({
  "tusk.object.store": `file://${folder}`,
  "remote.log.manager.task.interval.ms": "300"
})

type Step = readonly [tool: keyof typeof tools, ...args: ReadonlyArray<string>]

const create = (...configs: ReadonlyArray<string>): Step => {
  const words = ["remote.storage.enable=true", ...configs].flatMap((config) => ["--config", config])
  return ["kafka-topics", "--create", "--topic", TOPIC, "--partitions", "1", ...words]
}
const alter = (...configs: ReadonlyArray<string>): Step => [
  "kafka-configs",
  "--alter",
  "--topic",
  TOPIC,
  "--add-config",
  configs.join(",")
]
const offsets = (...times: ReadonlyArray<string>): ReadonlyArray<Step> =>
  times.map((time) => ["kafka-get-offsets", "--topic", TOPIC, "--time", time])

const refused: ReadonlyArray<Step> = [
  create("cleanup.policy=compact"),
  create("retention.ms=1000", "local.retention.ms=1001"),
  create("retention.ms=1000", "local.retention.ms=-1"),
  create("retention.bytes=1000", "local.retention.bytes=1001"),
  create("retention.bytes=1000", "local.retention.bytes=-1")
]
const made: ReadonlyArray<Step> = [
  create("local.retention.ms=1", "retention.ms=-1", "segment.ms=60000"),
  ["kafka-topics", "--describe", "--topic", TOPIC],
  ["kafka-configs", "--describe", "--topic", TOPIC],
  alter("cleanup.policy=compact"),
  alter("retention.ms=0"),
  ...offsets("earliest", "earliest-local", "latest-tiered", "latest")
]
const moved: ReadonlyArray<Step> = [
  ...offsets("earliest", "earliest-local", "latest-tiered", "earliest-pending-upload", "max-timestamp", "latest"),
  alter("remote.log.copy.disable=true", "local.retention.ms=-2"),
  ...offsets("earliest-local", "latest-tiered"),
  alter("remote.storage.enable=false", "remote.log.delete.on.disable=true")
]
const ended: ReadonlyArray<Step> = offsets("earliest", "earliest-local", "latest-tiered", "earliest-pending-upload")

const produce = async (wire: Wire): Promise<void> => {
  const nowMs = Date.now()
  for (let i = 0; i < BATCHES; i++) {
    const timestamp = BigInt(nowMs + HOUR / 2 - (BATCHES - 1 - i) * HOUR)
    const records = RecordBatch.encodeBatch([{ timestamp, value: Buffer.from(`record ${i}`) }])
    const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records }] }]
    const { responses } = await wire.call(Produce, 12, { acks: -1, timeoutMs: 30_000, topicData })
    const { errorCode } = responses[0]!.partitionResponses[0]!
    if (errorCode !== 0) throw new Error(`produce: ${errorCode}`)
  }
}

/** Waits until a time that is none stands for this offset. */
const until = async (wire: Wire, timestamp: bigint, offset: bigint): Promise<void> => {
  const holds = await holdsWithin(30_000, async () => {
    const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp }] }]
    const answer = await wire.call(ListOffsets, 11, { replicaId: -1, topics, timeoutMs: 30_000 })
    return answer.topics[0]!.partitions[0]!.offset === offset
  })
  if (!holds) throw new Error(`ListOffsets ${timestamp} does not become ${offset}`)
}

/** What Apache Kafka's tools print of a tiered topic on a broker, by their command lines. */
export const tierOutputs = async (against: Against): Promise<ReadonlyMap<string, string>> => {
  const folder = mkdtempSync(join(tmpdir(), "tusk-tiers-"))
  const target = await startTarget(against, against === "kafka" ? kafkaSettings : tuskSettings(folder))
  const outputs = new Map<string, string>()
  const shell = await startToolShell(target.bootstrap)
  const run = async (when: string, steps: ReadonlyArray<Step>) => {
    for (const [tool, ...args] of steps) {
      const { code, text } = await shell.run(tool, args)
      const stable = text
        .replaceAll(/(?<=TopicId: )\S+/g, "TOPIC_ID")
        .replaceAll(/^[\d:.]+ (?=ERROR)/gm, "")
        // Apache Kafka's controller sets it on all brokers (KIP-966).
        .replaceAll("min.insync.replicas=1,", "")
      outputs.set(`${when}: ${[tool, ...args].join(" ")}`, `${normalised(stable)}\nexit code ${code}`)
    }
  }
  try {
    await run("tiers", refused)
    await run("tiers", made)
    await withWire(target.bootstrap, async (wire) => {
      await produce(wire)
      await until(wire, LATEST_TIERED, BigInt(BATCHES - 2))
      await until(wire, -4n, BigInt(BATCHES - 1))
      await run("tiers, moved", moved)
      await until(wire, EARLIEST, BigInt(BATCHES - 1))
    })
    await run("tiers, ended", ended)
    return outputs
  } finally {
    await shell.stop()
    await target.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
