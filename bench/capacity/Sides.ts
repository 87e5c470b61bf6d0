import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { pathToFileURL } from "node:url"
import type { Ending } from "../Ending.ts"
import { holdsWithin } from "../groups/Report.ts"
import { Wire } from "../groups/Wire.ts"
import { startApacheKafka } from "../kafka/ApacheKafka.ts"
import type { Broker } from "../kafka/Broker.ts"
import { startTusk } from "../kafka/TuskProcess.ts"
import { objectsOf, removeUnused, untilMerged } from "./Objects.ts"

export type Direction = "produce" | "consume"

/** One way of storing a topic: of which broker, by which configs of the topic. */
export interface Side {
  readonly name: string
  readonly broker: "tusk" | "kafka"
  readonly configs: Readonly<Record<string, string>>
  /** What its rate has to be beside the baseline's, at 16 connections, by direction and KiB of a batch; and on a tmpfs. */
  readonly least?: Least
  readonly leastInMemory?: Least
  /** What its CPU for a GB may be beside the baseline's, on a disk. */
  readonly mostCpu?: number
}

type Least = Readonly<Record<`${Direction} ${number}`, number>>

const rowsLeast = { "produce 16": 1.5, "produce 128": 0.8, "consume 16": 0.8, "consume 128": 0.8 }
const objectsLeast = { "produce 16": 4, "produce 128": 1.5, "consume 16": 1, "consume 128": 1 }
const objectsInMemory = { "produce 16": 0.8, "produce 128": 0.8 }

export const sides = {
  rows: { name: "Tusk, rows", broker: "tusk", configs: { "tusk.storage": "row" }, least: rowsLeast },
  objects: {
    name: "Tusk, objects",
    broker: "tusk",
    configs: { "tusk.storage": "object" },
    least: objectsLeast,
    leastInMemory: objectsInMemory,
    mostCpu: 1.25
  },
  flushed: { name: "Kafka, flush.messages=1", broker: "kafka", configs: { "flush.messages": "1" } },
  unflushed: { name: "Kafka, no fsync", broker: "kafka", configs: {} }
} satisfies Readonly<Record<string, Side>>
export type SideId = keyof typeof sides

/** Which side the others are compared with; on a tmpfs a flush costs Apache Kafka a call, and gives nothing. */
export const baselineOf = (isInMemory: boolean): SideId => (isInMemory ? "unflushed" : "flushed")

/** A side whose broker runs. Sides of one broker share its process, and never have load at the same time. */
export interface RunningSide extends Side {
  readonly id: SideId
  /** Of Tusk: where its Postgres and its objects are. */
  readonly dataDir: string | undefined
  /** Processes of that Postgres. */
  readonly postgresPids: (() => ReadonlyArray<number>) | undefined
  readonly bootstrap: string
  readonly port: number
  readonly pids: () => ReadonlyArray<number>
}

type Started = Broker & { readonly dataDir?: string; readonly nodePid?: () => number }

const starting: Readonly<Record<Side["broker"], () => Promise<Started>>> = {
  tusk: () =>
    startTusk({
      storage: "embedded",
      settings: (dataDir) => ({
        "tusk.object.store": pathToFileURL(objectsOf(dataDir)).href,
        "tusk.object.merge.interval.ms": "10000"
      })
    }),
  kafka: () => startApacheKafka({ settings: { "log.segment.delete.delay.ms": "100" } })
}

/** Starts each broker that these sides need, once. */
export const startSides = async (ids: ReadonlyArray<SideId>, ending: Ending): Promise<ReadonlyArray<RunningSide>> => {
  const brokers = new Map<Side["broker"], Started>()
  for (const name of new Set(ids.map((id) => sides[id].broker))) {
    brokers.set(name, await ending.stopping(starting[name]()))
  }
  return ids.map((id) => {
    const { bootstrap, dataDir, nodePid, pids } = brokers.get(sides[id].broker)!
    const postgresPids = nodePid && (() => pids().filter((pid) => pid !== nodePid()))
    return { ...sides[id], id, bootstrap, dataDir, pids, postgresPids, port: Number(bootstrap.split(":")[1]) }
  })
}

const asked = async <A>(side: RunningSide, work: (wire: Wire) => Promise<A>): Promise<A> => {
  const wire = await Wire.connect(side.bootstrap)
  try {
    return await work(wire)
  } finally {
    wire.close()
  }
}

/** Resolves when every partition answers. */
export const makeTopic = (side: RunningSide, name: string, partitions: number): Promise<void> =>
  asked(side, async (wire) => {
    const configs = Object.entries(side.configs).map(([name, value]) => ({ name, value }))
    const { topics } = await wire.call(CreateTopics, 5, {
      timeoutMs: 30_000,
      topics: [{ name, numPartitions: partitions, replicationFactor: 1, configs }]
    })
    if (topics[0]?.errorCode !== 0) throw new Error(`making ${name}: ${topics[0]?.errorMessage}`)
    const ends = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }))
    const leads = async () => {
      const { topics } = await wire.call(ListOffsets, 5, { replicaId: -1, topics: [{ name, partitions: ends }] })
      return topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)
    }
    if (!(await holdsWithin(30_000, leads))) throw new Error(`${name} has no leaders`)
  })

/**
 * Gives the disk back that a load took: a GB in seconds. What Tusk wrote into rows stays until the end, since rows that are
 * deleted would be work for the rounds that come.
 */
export const clearTopic = async (side: RunningSide, name: string): Promise<void> => {
  if (side.id === "rows") return
  await asked(side, (wire) => wire.call(DeleteTopics, 5, { topicNames: [name], timeoutMs: 30_000 }))
  if (side.id === "objects") await removeUnused(side.dataDir!)
}

/** What consumers are to read is as it is for those that are behind by minutes. */
export const settled = async (side: RunningSide): Promise<void> => {
  if (side.id === "objects") await untilMerged(side.dataDir!)
}
