import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { Unit, WriteOf } from "@tusk/storage/port/Write"
import { bytesOf } from "@tusk/storage/writes/MemoryPartition"
import type { MemoryPartition } from "@tusk/storage/writes/MemoryPartition"
import { LogHistory } from "./LogHistory.ts"
import type { Server } from "./Server.ts"
import { TIERED_TOPIC } from "./topicNames.ts"

type Violate = (invariant: string, text: string) => void

/** How far the clock of a broker is off at most, where the ages of objects count. */
const CLOCK_MS = 4000

/** Writes behind which a batch may lie elsewhere than before. */
const MOVES: ReadonlySet<string> = new Set(["MoveBatches", "PutLocalStart", "ReplaceBatches", "DropObject"])

const topicNameOf = (data: MemoryData, { topicId }: MemoryPartition): string | undefined =>
  data.topics.get(topicId ?? "")?.name

/** Of tiered topics: where their batches lie, and what of their logs goes. */
export class TieredHistory {
  readonly #violate: Violate
  /** Of the topic that is made shorter. */
  readonly log: LogHistory
  /** All that were ever the cluster's, the one that is it now at last. */
  #servers: ReadonlyArray<Server> = []
  /** By topic: whether erased batches of it lie in rows again. Those that are not here are not tiered. */
  #topics: ReadonlyMap<string, { readonly mayLieInRows: boolean }> = new Map()
  /** By partition of the topic: below which offset somebody has had records deleted. */
  readonly #trims = new Map<number, number>()
  /** Somebody has wished that the topic is tiered no more: what has moved goes. */
  mayEnd = false
  /** Servers on which something has moved since they were looked at. */
  readonly #moved = new Set<Server>()

  constructor(violate: Violate) {
    this.#violate = violate
    this.log = new LogHistory((invariant, text) => violate(invariant, `${TIERED_TOPIC}: ${text}`), {
      mayBeGone: (partition, offset) => offset < this.logStart(partition),
      reads: () => {}
    })
  }

  watch(servers: ReadonlyArray<Server>, topics: ReadonlyMap<string, { readonly mayLieInRows: boolean }>): void {
    this.#servers = servers
    this.#topics = topics
  }

  /** Where the log began at last, on whichever server. */
  logStart(partition: number): number {
    let highest = 0n
    for (const { data } of this.#servers) {
      const log = logOf(data, partition)
      if (log !== undefined && log.logStartOffset > highest) highest = log.logStartOffset
    }
    return Number(highest)
  }

  /** Somebody asks for it. */
  trims(partition: number, below: number): void {
    this.#trims.set(partition, Math.max(below, this.#trims.get(partition) ?? 0))
  }

  // ---- the database

  /** Before a commit happens. */
  commits(server: Server, units: ReadonlyArray<Unit>, stored: ReadonlyMap<string, Uint8Array>, nowMs: number): void {
    if (this.#topics.size === 0) return
    if (this.#moved.delete(server)) this.look(server, stored)
    for (const write of units.flat()) {
      if (MOVES.has(write._tag)) this.#moved.add(server)
      if (write._tag === "PutLogStart") this.#raises(server.data, write, nowMs)
    }
  }

  /** Nothing goes but what is too old, too much, was asked to go, or has moved and is given up. */
  #raises(data: MemoryData, { logStartOffset, partitionId }: WriteOf<"PutLogStart">, nowMs: number): void {
    const log = data.partitions.get(partitionId)
    if (log === undefined || logStartOffset <= log.logStartOffset) return
    const name = topicNameOf(data, log)
    if (name === undefined || !this.#topics.has(name)) return
    const partition = Array.from(data.topics.values())
      .find((topic) => topic.name === name)!
      .partitionIds.indexOf(partitionId)
    if (name === TIERED_TOPIC) {
      if (logStartOffset <= (this.#trims.get(partition) ?? 0)) return
      if (this.mayEnd && logStartOffset <= log.localStartOffset) return
      if (isTooOld(data, log, logStartOffset, nowMs) || isTooMuch(data, log, logStartOffset)) return
    }
    this.#violate("R1", `${name}-${partition} begins at ${logStartOffset}, not at ${log.logStartOffset}, for no reason`)
  }

  /** Each batch lies in its row or in an object that is there; in an object if it is said to have moved. */
  look({ data }: Server, stored: ReadonlyMap<string, Uint8Array>): void {
    for (const [partitionId, log] of data.partitions) {
      const topic = this.#topics.get(topicNameOf(data, log) ?? "")
      for (let i = log.first; i < log.batches.length; i++) {
        const batch = log.batches[i]!
        const where = `${partitionId}@${batch.baseOffset}`
        if (batch.stored === undefined) {
          if (batch.records === undefined) this.#violate("O4", `${where} lies nowhere`)
          const isMoved = batch.lastOffset < log.localStartOffset && batch.baseOffset >= log.logStartOffset
          if (topic?.mayLieInRows === false && isMoved) {
            this.#violate("O4", `${where} lies in its row, and all below ${log.localStartOffset} has moved`)
          }
          continue
        }
        const name = data.objects.get(batch.stored.objectId)?.name
        const object = name === undefined ? undefined : stored.get(name)
        if (object === undefined || batch.stored.position + bytesOf(batch) > object.byteLength) {
          this.#violate("O4", `${where} lies in ${name}, of which ${object?.byteLength ?? "nothing"} is there`)
        }
      }
    }
  }

  // ---- what consumers are told

  /** A consumer at this position is told that it lies before the beginning, or behind the end. */
  outOfRange(partition: number, position: number, isBehind: boolean): void {
    if (isBehind || this.log.failovers > 0 || position < this.logStart(partition)) return
    this.#violate("L6", `offset ${position} of ${TIERED_TOPIC}-${partition} may not be read, and has not been deleted`)
  }
}

const logOf = (data: MemoryData, partition: number): MemoryPartition | undefined => {
  const topic = Array.from(data.topics.values()).find(({ name }) => name === TIERED_TOPIC)
  return topic && data.partitions.get(topic.partitionIds[partition]!)
}

/** A week, and no limit. */
const DEFAULTS = { "retention.ms": 604_800_000, "retention.bytes": -1 }

const limitOf = (data: MemoryData, name: keyof typeof DEFAULTS): number =>
  Number(data.configs.get(2)?.get(TIERED_TOPIC)?.get(name) ?? DEFAULTS[name])

/** By `retention.ms`: all below an offset. */
const isTooOld = (data: MemoryData, log: MemoryPartition, below: bigint, nowMs: number): boolean => {
  const retentionMs = limitOf(data, "retention.ms")
  if (retentionMs < 0) return false
  const isOld = (timestamp: bigint) => Number(timestamp) < nowMs - retentionMs + CLOCK_MS
  return log.batches.slice(log.first).every((batch) => batch.baseOffset >= below || isOld(batch.maxTimestamp))
}

/** By `retention.bytes`: as much as that is left. */
const isTooMuch = (data: MemoryData, log: MemoryPartition, below: bigint): boolean => {
  const retentionBytes = limitOf(data, "retention.bytes")
  if (retentionBytes < 0) return false
  const left = log.batches.slice(log.first).filter(({ baseOffset }) => baseOffset >= below)
  return left.reduce((sum, batch) => sum + bytesOf(batch), 0) >= retentionBytes
}
