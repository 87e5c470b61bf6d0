import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isOutboxOffset } from "@tusk/storage/port/Outbox"
import type { Unit, WriteOf } from "@tusk/storage/port/Write"
import type { Server } from "./Server.ts"
import type { AskedErasure } from "./SqlErasures.ts"
import { rowsOf } from "./SqlBatches.ts"

/** A record that may be erased, or was: without a key it is not known which one it is. */
export interface Erasable {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | undefined
}

const topicIdOf = ({ data }: Server, name: string): string | undefined =>
  Array.from(data.topics).find(([, topic]) => topic.name === name)?.[0]

/** Whether it lies where this erasure's records go from. */
const isBelow = ({ ends, partitionIds }: AskedErasure, { offset, partition }: Erasable): boolean =>
  ends === undefined || BigInt(offset) < (ends.get(partitionIds[partition]!) ?? 0n)

/**
 * What was asked to be erased: from the moment of the request on its records may be gone, and once it is done they are, from
 * wherever anybody may look (R4). All else stays as it is, byte by byte.
 */
export class ErasureHistory {
  readonly #violate: (invariant: string, text: string) => void
  /** All that were ever the cluster's, the one that is it now at last. */
  #servers: ReadonlyArray<Server> = []

  constructor(violate: (invariant: string, text: string) => void) {
    this.#violate = violate
  }

  watch(servers: ReadonlyArray<Server>): void {
    this.#servers = servers
  }

  get #server(): Server | undefined {
    return this.#servers.at(-1)
  }

  /** A failover may have lost that it was asked, and not what was told of it before. */
  mayBeGone(record: Erasable): boolean {
    return this.#servers.some((server) => {
      const topicId = topicIdOf(server, record.topic)
      return server.erasures.asked.some(
        (asked) =>
          asked.topicId === topicId && (record.key === undefined || record.key === asked.key) && isBelow(asked, record)
      )
    })
  }

  /** The record's offset is not known. */
  mayBeErased(topic: string, key: string): boolean {
    return this.mayBeGone({ topic, partition: 0, offset: -1, key })
  }

  /** A client that asked at `sentMs` was given it, by a broker that could know. */
  reads(client: string, record: Erasable, sentMs: number): void {
    const server = this.#server
    if (server === undefined || server.erasures.asked.length === 0) return
    const topicId = topicIdOf(server, record.topic)
    const { key, offset, partition, topic } = record
    const erasure = server.erasures.asked.find(
      (asked) =>
        asked.topicId === topicId &&
        asked.key === key &&
        (asked.doneAtMs ?? Infinity) < sentMs &&
        isBelow(asked, record)
    )
    if (erasure === undefined) return
    const text = `${key} at ${offset} of ${topic}-${partition}, which was erased at ${erasure.doneAtMs}`
    this.#violate("R4", `${client} reads ${text}`)
  }

  // ---- what is stored

  /** Nothing that was erased lies anywhere in the database. */
  look(): void {
    const server = this.#server
    if (server === undefined) return
    for (const asked of server.erasures.asked) {
      if (asked.ends !== undefined) this.#lookAtEnds(server, asked)
      if (asked.doneAtMs !== undefined) this.#lookFor(server, asked)
    }
  }

  /** What was there when it was asked is meant. */
  #lookAtEnds({ data }: Server, { asOf, ends, erasureId }: AskedErasure): void {
    if (asOf.timeline !== data.timeline) return
    for (const [partitionId, endOffset] of asOf.ends) {
      const noted = ends!.get(partitionId) ?? 0n
      if (noted >= endOffset) continue
      this.#violate(
        "R4",
        `erasure ${erasureId} goes up to ${noted} of ${partitionId}, which ended at ${endOffset} when it was asked`
      )
    }
  }

  #lookFor(server: Server, { asOf, ends, erasureId, key, partitionIds, topicId }: AskedErasure): void {
    const { data, rows, sql } = server
    const there = (where: string) => this.#violate("R4", `${key} lies in ${where}, and erasure ${erasureId} is done`)
    for (const partitionId of partitionIds) {
      const log = data.partitions.get(partitionId)
      const below = ends!.get(partitionId) ?? 0n
      const isMeant = (record: { readonly key: string | null; readonly offset: bigint }): boolean =>
        record.key === key && record.offset < below
      for (const batch of log?.batches.slice(log.first) ?? []) {
        if (batch.baseOffset >= below) break
        const records = server.bytesOf(batch)
        if (RecordBatch.isControl(records)) continue
        const found = rowsOf(records).find(isMeant)
        if (found !== undefined) there(`the log of ${partitionId}, at ${found.offset}`)
      }
      const latest = rows.tables.all.flatMap((table) =>
        table.topicId === topicId ? Array.from(table.rows.values()) : []
      )
      const row = [...rows.rowsOf(partitionId), ...latest].find(isMeant)
      if (row !== undefined) there(`the rows of ${partitionId}, at ${row.offset}`)
    }
    if (asOf.timeline !== data.timeline) return
    for (const row of data.outbox.values()) {
      if (isOutboxOffset(row) || row.key === null || !partitionIds.includes(row.partitionId)) continue
      if (Buffer.from(row.key).toString() === key && sql.isSeen(row.xid, asOf.snapshot))
        there(`the outbox, as ${row.id}`)
    }
  }

  /** Whether all is done that was asked. */
  get isDone(): boolean {
    return this.#server?.erasures.asked.every(({ doneAtMs }) => doneAtMs !== undefined) !== false
  }

  // ---- what is rewritten

  /** Batches are about to take the place of others on this server. */
  rewrites(server: Server, units: ReadonlyArray<Unit>): void {
    for (const write of units.flat()) if (write._tag === "ReplaceBatches") this.#rewrites(server, write)
  }

  #rewrites(server: Server, { batches, partitionId }: WriteOf<"ReplaceBatches">): void {
    const { data, erasures } = server
    const log = data.partitions.get(partitionId)
    const topicId = log?.topicId
    if (log === undefined || topicId === undefined) return
    const isCompacted = data.configs.get(2)?.get(data.topics.get(topicId)!.name)?.get("cleanup.policy") === "compact"
    const mayGo = ({ key, offset }: { readonly key: Uint8Array | null; readonly offset: bigint }): boolean =>
      isCompacted ||
      erasures.asked.some(
        (asked) =>
          key !== null &&
          asked.topicId === topicId &&
          asked.key === Buffer.from(key).toString() &&
          offset < (asked.ends?.get(partitionId) ?? 0n)
      )
    for (const { baseOffset, records } of batches) {
      const old = log.batches.find((batch) => batch.baseOffset === baseOffset)
      if (old === undefined) continue
      const wrong =
        records === null ? wrongWithout(old.lastOffset, isCompacted) : wrongIn(server.bytesOf(old), records, mayGo)
      if (wrong !== undefined)
        this.#violate("R4", `the batch at ${baseOffset} of ${partitionId} is rewritten: ${wrong}`)
    }
  }
}

const wrongWithout = (lastOffset: bigint, isCompacted: boolean): string | undefined =>
  isCompacted ? undefined : `it goes, up to ${lastOffset}`

type Decoded = ReturnType<typeof decodedOf>[number]

const decodedOf = (batch: Uint8Array) => {
  const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
  if ("_tag" in records) throw records
  return records
}

const isSame = (a: Decoded, b: Decoded): boolean =>
  a.timestamp === b.timestamp &&
  Buffer.compare(a.key ?? Buffer.of(), b.key ?? Buffer.of()) === 0 &&
  (a.value === null) === (b.value === null) &&
  Buffer.compare(a.value ?? Buffer.of(), b.value ?? Buffer.of()) === 0 &&
  a.headers.length === b.headers.length

/** What of a rewritten batch is not as it was; undefined: nothing. */
const wrongIn = (old: Uint8Array, made: Uint8Array, mayGo: (record: Decoded) => boolean): string | undefined => {
  const header = (batch: Uint8Array) =>
    [
      RecordBatch.baseOffset(batch),
      RecordBatch.lastOffset(batch),
      RecordBatch.producerId(batch),
      RecordBatch.producerEpoch(batch),
      RecordBatch.baseSequence(batch),
      RecordBatch.isTransactional(batch),
      RecordBatch.isControl(batch)
    ].join()
  if (header(old) !== header(made)) return `its header is ${header(made)} and was ${header(old)}`
  const left = new Map(decodedOf(made).map((record) => [record.offset, record]))
  for (const record of decodedOf(old)) {
    const now = left.get(record.offset)
    left.delete(record.offset)
    if (now === undefined && !mayGo(record)) return `the record at ${record.offset} goes`
    if (now !== undefined && !isSame(now, record)) return `the record at ${record.offset} is another one`
  }
  return left.size > 0 ? `there are more records than before` : undefined
}
