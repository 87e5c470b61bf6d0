import type { History } from "./History.ts"
import { KEYED_TOPIC } from "./topicNames.ts"

/** A record with a key; without a value it is a tombstone. */
export interface KeyedRecord {
  readonly offset: number
  readonly key: string
  readonly value: string | null
}

/** What was known when a reading began. */
interface Known {
  /** How many records were acknowledged. */
  readonly count: number
  /** Keys of what was sent and not acknowledged: it may be there and supersede what is. */
  readonly pending: ReadonlySet<string>
}

/** One reading of the whole log, from its start to its end. */
export interface Reading {
  readonly known: Known
  readonly startMs: number
  readonly endMs: number
  readonly records: ReadonlyArray<KeyedRecord>
}

interface Acknowledged extends KeyedRecord {
  /** It may be there since then. */
  readonly sentMs: number
}

/**
 * What one producer wrote into a compacted topic, and what was read of it. For each key the latest record stays, at its
 * offset; one that was deleted does not come back, and its tombstone stays for `delete.retention.ms` (R1, R2).
 */
export class KeyedHistory {
  readonly #history: History
  readonly #retentionMs: number
  /** In order of offsets: the producer has one request in flight. */
  readonly #acknowledged: Array<Acknowledged> = []
  #pending: ReadonlySet<string> = new Set()
  /** Offsets of records that a failover lost, and when. */
  readonly #lost = new Map<number, number>()
  /** What was read at each offset, in whatever reading. */
  readonly #seen = new Map<number, string>()

  constructor(history: History, retentionMs: number) {
    this.#history = history
    this.#retentionMs = retentionMs
  }

  get known(): Known {
    return { count: this.#acknowledged.length, pending: this.#pending }
  }

  /** Before records are sent for the first time. */
  sends(records: ReadonlyArray<{ readonly key: string }>): void {
    this.#pending = new Set(records.map(({ key }) => key))
  }

  /** `sentMs`: when it was sent for the first time. */
  acknowledged(record: KeyedRecord, sentMs: number): void {
    const last = this.#acknowledged.at(-1)
    if (last !== undefined && record.offset <= last.offset) {
      this.#history.violate("R2", `${nameOf(record)} is acknowledged at ${record.offset}, behind ${last.offset}`)
    }
    this.#acknowledged.push({ ...record, sentMs })
    this.isAt(record)
  }

  read({ endMs, known, records, startMs }: Reading): void {
    let before = -1
    const last = new Map<string, number>()
    const first = new Map<string, number>()
    for (const record of records) {
      if (record.offset <= before) this.#history.violate("R2", `offset ${record.offset} is read behind ${before}`)
      before = record.offset
      if ((this.#lost.get(record.offset) ?? Infinity) < startMs) {
        this.#history.violate("E3", `${nameOf(record)} at ${record.offset} was lost and is there`)
      }
      this.isAt(record)
      if (!first.has(record.key)) first.set(record.key, record.offset)
      last.set(record.key, record.offset)
    }
    // A reading that takes longer than tombstones stay may see what was deleted, and not that it was.
    if (endMs - startMs >= this.#retentionMs) return
    const since = new Set(this.#acknowledged.slice(known.count).map(({ key }) => key))
    for (const latest of this.#latest(known.count).values()) {
      const { key, offset, value } = latest
      const found = last.get(key) ?? -1
      if (this.#history.erasures.mayBeGone({ topic: KEYED_TOPIC, partition: 0, offset, key })) continue
      if (found >= offset || known.pending.has(key) || this.#pending.has(key) || since.has(key)) continue
      if (value !== null) this.#history.violate("R1", `${nameOf(latest)}, acknowledged at ${offset}, is lost`)
      else if (endMs - latest.sentMs < this.#retentionMs && this.#history.clockSteps === 0) {
        this.#history.violate("R2", `the tombstone of ${key} at ${offset} is gone too early`)
      } else if (first.has(key)) {
        this.#history.violate("R1", `${key} was deleted at ${offset} and is there again, at ${first.get(key)}`)
      }
    }
  }

  #latest(known: number): ReadonlyMap<string, Acknowledged> {
    const latest = new Map<string, Acknowledged>()
    for (const record of this.#acknowledged.slice(0, known)) {
      if (!this.#lost.has(record.offset)) latest.set(record.key, record)
    }
    return latest
  }

  /** A failover lost what lay there. */
  loses(first: number, last: number, nowMs: number): void {
    for (let offset = first; offset <= last; offset++) if (!this.#lost.has(offset)) this.#lost.set(offset, nowMs)
  }

  /** What lies at an offset never changes. */
  isAt(record: KeyedRecord): void {
    const name = nameOf(record)
    const seen = this.#seen.get(record.offset)
    if (seen === undefined) this.#seen.set(record.offset, name)
    else if (seen !== name) this.#history.violate("R2", `offset ${record.offset} was ${seen} and is ${name}`)
  }
}

const nameOf = ({ key, value }: KeyedRecord): string => `${key}=${value ?? "-"}`
