import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { Server } from "./Server.ts"
import { rowsOf } from "./SqlBatches.ts"
import type { LatestTable } from "./SqlTables.ts"
import type { KeptRow } from "./SqlBatches.ts"

type MemoryPartition = NonNullable<ReturnType<MemoryData["partitions"]["get"]>>

/** What a log holds for readers of committed records. */
interface CommittedLog {
  readonly records: ReadonlyArray<KeptRow>
  /** Where the first transaction begins that nobody has decided; the end, if there is none. */
  readonly stableEnd: bigint
}

/** Of a marker: whether it ends its transaction by a commit, as the key of a control record says (KIP-98). */
const isCommit = (marker: Uint8Array): boolean => {
  const records = RecordBatch.decodeRecords(marker, { maxDecompressedBytes: 1 << 10 })
  return !("_tag" in records) && records[0]!.key![3] === 1
}

/** By the markers in it, and not by what a broker noted besides. */
const committedLog = (server: Server, { batches, endOffset, first }: MemoryPartition): CommittedLog => {
  let stableEnd = endOffset
  const fates = new Map<bigint, boolean>()
  const kept: Array<ReadonlyArray<KeptRow>> = []
  for (let i = batches.length - 1; i >= first; i--) {
    const { baseOffset } = batches[i]!
    const records = server.bytesOf(batches[i]!)
    const producerId = RecordBatch.producerId(records)
    if (RecordBatch.isControl(records)) fates.set(producerId, isCommit(records))
    else if (!RecordBatch.isTransactional(records)) kept.push(rowsOf(records))
    else if (!fates.has(producerId)) stableEnd = baseOffset
    else if (fates.get(producerId) === true) kept.push(rowsOf(records))
  }
  return { records: kept.reverse().flat(), stableEnd }
}

/** A topic whose records are kept as rows. */
export interface FollowedTopic {
  readonly name: string
  /** Rows may be there of records that are gone. */
  readonly mayLose: boolean
}

/** What SQL found of rows that followers keep: at any moment they are what a reader of committed records would have been given. */
export class RowsHistory {
  readonly #violate: (invariant: string, text: string) => void
  /** Is told of every row that is read. */
  readonly #seen: (topic: string, row: KeptRow) => void

  /** Whether it may have been erased, in the log before the rows. */
  readonly #mayBeGone: (topic: string, partition: number, row: KeptRow) => boolean

  constructor(
    violate: (invariant: string, text: string) => void,
    seen: (topic: string, row: KeptRow) => void,
    mayBeGone: (topic: string, partition: number, row: KeptRow) => boolean
  ) {
    this.#violate = violate
    this.#seen = seen
    this.#mayBeGone = mayBeGone
  }

  /** One look, as of one moment. The answer: whether all rows are there, and none besides. */
  look(server: Server, { mayLose, name }: FollowedTopic): boolean {
    const { data, rows } = server
    const topic = Array.from(data.topics.values()).find((each) => each.name === name)
    if (topic === undefined) return false
    const looks = topic.partitionIds.map((id, index) => {
      const next = rows.position(id)?.nextOffset
      // Without a position nobody reads them.
      if (next === undefined) return false
      const log = data.partitions.get(id)!
      const found = { where: `${name}-${index}`, next, rows: rows.rowsOf(id), logStart: log.logStartOffset }
      for (const row of found.rows) this.#seen(name, row)
      return this.#lookAt(found, committedLog(server, log), (row) => mayLose || this.#mayBeGone(name, index, row))
    })
    return looks.every((isWhole) => isWhole)
  }

  /** A table of the latest value of each key: the same, but for what is superseded. The answer: whether it is at the end. */
  lookAtTable(server: Server, { name, positions, rows, topicId }: LatestTable): boolean {
    const { data } = server
    const partitionIds = data.topics.get(topicId ?? "")?.partitionIds ?? []
    const looks = partitionIds.map((id) => {
      const next = positions.get(id)?.nextOffset
      if (next === undefined) return false
      const { records, stableEnd } = committedLog(server, data.partitions.get(id)!)
      const wrong = (text: string) => this.#violate("S5", `table ${name}: ${text}`)
      if (next > stableEnd) wrong(`rows are there up to ${next}, and it is stable up to ${stableEnd}`)
      const latest = new Map<string, KeptRow>()
      for (const record of records) if (record.offset < next && record.key !== null) latest.set(record.key, record)
      for (const [key, { offset, value }] of latest) {
        const found = rows.get(key)?.value ?? null
        if (found !== value) wrong(`${key} is ${found}, and ${value} as of ${offset}, below ${next}`)
      }
      return next === stableEnd
    })
    for (const row of rows.values()) this.#seen(topicId === undefined ? "" : data.topics.get(topicId)!.name, row)
    return looks.length > 0 && looks.every((isWhole) => isWhole)
  }

  #lookAt(
    { logStart, next, rows, where }: Found,
    { records, stableEnd }: CommittedLog,
    mayLose: (row: KeptRow) => boolean
  ): boolean {
    const wrong = (text: string) => this.#violate("S4", `${where}: ${text}`)
    if (next > stableEnd) wrong(`rows are there up to ${next}, and it is stable up to ${stableEnd}`)
    const there = new Map(rows.map((row) => [row.offset, row]))
    const due = records.filter(({ offset }) => offset >= logStart && offset < next)
    for (const record of due) {
      const row = there.get(record.offset)
      if (row === undefined) wrong(`${tell(record)} is not among the rows up to ${next}`)
      else if (tell(row) !== tell(record)) wrong(`a row is ${tell(row)}, the record ${tell(record)}`)
      there.delete(record.offset)
    }
    let isWhole = next === stableEnd
    for (const row of there.values()) {
      if (row.offset >= next) wrong(`row ${tell(row)} is ahead of position ${next}`)
      else if (row.offset >= logStart) {
        isWhole = false
        if (!mayLose(row)) wrong(`row ${tell(row)} is no committed record`)
      }
    }
    return isWhole
  }
}

interface Found {
  readonly where: string
  readonly next: bigint
  readonly rows: ReadonlyArray<KeptRow>
  readonly logStart: bigint
}

const tell = ({ key, offset, value }: KeptRow): string => `${offset}: ${key ?? ""}=${value ?? "-"}`
