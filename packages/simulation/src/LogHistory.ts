/** One produced record, by its value, which is never given twice. */
interface Produced {
  readonly producer: string
  readonly partition: number
  readonly order: number
  /** `plain`: without a place in an order. `forbidden`: the broker has to refuse it. */
  kind: "idempotent" | "plain" | "forbidden"
  acknowledgedAt: number | undefined
  readAt: number | undefined
  /** Its producer was told that it is not stored, and has not sent it again. */
  isDenied: boolean
}

/** Which client was answered, when it asked, and whether the broker may not know better. */
export interface Asked {
  readonly client: string
  readonly sentMs: number
  readonly nowMs: number
  readonly isBehind: boolean
}

/** What a partition held when it was read from its beginning to its end, with nothing left in the way. */
export interface Reading {
  readonly end: number
  readonly records: ReadonlyMap<number, string>
  /** Offsets that a batch without records takes, from the first to the last. */
  readonly leaps: ReadonlyArray<readonly [first: number, last: number]>
}

interface Partition {
  /** What lies, or lay, at an offset: a client was told so, by an acknowledgement or by reading. */
  readonly told: Map<number, string>
  /** Offsets of records that a failover lost, and when. */
  readonly lost: Map<number, number>
  /** High watermarks that rose, and when a client was told. */
  readonly marks: Array<{ readonly offset: number; readonly nowMs: number }>
  /** Where it ended on servers that took over: from there its end leaps. */
  readonly begins: Set<number>
}

type Violate = (invariant: string, text: string) => void

/** What may have been erased, and who reads what was. */
export interface Erased {
  /** Undefined: it is not known what lies there. */
  readonly mayBeGone: (partition: number, offset: number, value: string | undefined) => boolean
  readonly reads: (client: string, partition: number, offset: number, value: string, sentMs: number) => void
}

const NOTHING_ERASED: Erased = { mayBeGone: () => false, reads: () => {} }

/** What clients sent to a topic's partitions, and what they were told. */
export class LogHistory {
  /** Failovers so far: without any, no end leaps. */
  failovers = 0
  /** Is told of every record that is acknowledged. */
  onAcknowledged: (partition: number, offset: number) => void = () => {}
  readonly #violate: Violate
  readonly #produced = new Map<string, Produced>()
  readonly #open = new Set<string>()
  readonly #partitions = new Map<number, Partition>()

  readonly #erased: Erased

  constructor(violate: Violate, erased = NOTHING_ERASED) {
    this.#violate = violate
    this.#erased = erased
  }

  #of(partition: number): Partition {
    let found = this.#partitions.get(partition)
    if (found === undefined) {
      found = { told: new Map(), lost: new Map(), marks: [], begins: new Set() }
      this.#partitions.set(partition, found)
    }
    return found
  }

  #isLost(partition: number, offset: number | undefined): boolean {
    return offset !== undefined && this.#of(partition).lost.has(offset)
  }

  // ---- producing

  sends(kind: Produced["kind"], producer: string, partition: number, order: number, value: string): void {
    const nothingYet = { acknowledgedAt: undefined, readAt: undefined, isDenied: false }
    this.#produced.set(value, { producer, partition, order, kind, ...nothingYet })
  }

  /** It is not sent again, and it is unknown whether it is stored: it may be any time, or never. */
  abandons(value: string): void {
    this.#produced.get(value)!.kind = "plain"
  }

  /** It was to be refused, and it is unknown whether it is still under way. */
  open(value: string): void {
    this.#open.add(value)
  }

  /** A failover lost what was known of producers: what had to be refused for that may be taken now. */
  forgetProducers(): void {
    for (const value of this.#open) this.abandons(value)
    this.#open.clear()
  }

  /** Its producer was told each time that it is not stored, and believes it. */
  denied(value: string): void {
    const produced = this.#produced.get(value)!
    produced.isDenied = true
    if (produced.readAt === undefined || this.#isLost(produced.partition, produced.readAt)) return
    this.#violate("E2", `${value} lies at ${produced.readAt}, and its producer is told that it is not stored`)
  }

  acknowledged(value: string, offset: number): void {
    const produced = this.#produced.get(value)!
    const { acknowledgedAt, partition } = produced
    if (produced.kind === "forbidden") this.#violate("I2", `${value} was accepted at ${offset}`)
    if (acknowledgedAt !== undefined && acknowledgedAt !== offset && !this.#isLost(partition, acknowledgedAt)) {
      this.#violate("I1", `${value} was acknowledged at ${acknowledgedAt} and at ${offset}`)
    }
    produced.acknowledgedAt = offset
    this.onAcknowledged(partition, offset)
    this.#tell(partition, offset, value, "is acknowledged")
  }

  #tell(partition: number, offset: number, value: string, how: string): void {
    const { told } = this.#of(partition)
    const before = told.get(offset)
    if (before === undefined) told.set(offset, value)
    else if (before !== value) {
      this.#violate("L1", `partition ${partition} offset ${offset} was ${before}, now ${value} ${how}`)
    }
  }

  // ---- reading

  read({ client, isBehind, sentMs }: Asked, partition: number, offset: number, value: string): void {
    const produced = this.#produced.get(value)
    if (produced === undefined || produced.partition !== partition) {
      return this.#violate("L1", `${client} reads ${value} in partition ${partition}, where nobody sent it`)
    }
    this.#tell(partition, offset, value, `is read by ${client}`)
    const lostAtMs = this.#of(partition).lost.get(offset)
    if (lostAtMs !== undefined) {
      if (!isBehind && lostAtMs < sentMs) {
        this.#violate("E3", `${client} reads ${value} at ${offset} of partition ${partition}, lost at ${lostAtMs}`)
      }
      return
    }
    if (produced.kind === "forbidden") this.#violate("I2", `${client} reads ${value}, which had to be refused`)
    if (produced.isDenied)
      this.#violate("E2", `${client} reads ${value}, whose producer was told that it is not stored`)
    if (!isBehind) this.#erased.reads(client, partition, offset, value, sentMs)
    const { acknowledgedAt, readAt } = produced
    if (readAt !== undefined && readAt !== offset && !this.#isLost(partition, readAt)) {
      this.#violate("L4", `${value} lies at ${readAt} and at ${offset} of partition ${partition}`)
    }
    produced.readAt = offset
    if (acknowledgedAt !== undefined && acknowledgedAt !== offset && !this.#isLost(partition, acknowledgedAt)) {
      this.#violate("L3", `${value} was acknowledged at ${acknowledgedAt}, ${client} reads it at ${offset}`)
    }
  }

  /** An answer's records do not begin where they were asked for, or do not follow each other. */
  skipped({ client }: Asked, partition: number, expected: number, offset: number): void {
    if (this.#mayAllBeGone(partition, expected, offset - 1)) return
    this.#violate("L2", `${client} reads offset ${offset} of partition ${partition} where ${expected} is next`)
  }

  #mayBeGone(partition: number, offset: number, value = this.#of(partition).told.get(offset)): boolean {
    return this.#erased.mayBeGone(partition, offset, value)
  }

  #mayAllBeGone(partition: number, first: number, last: number): boolean {
    for (let offset = first; offset <= last; offset++) if (!this.#mayBeGone(partition, offset)) return false
    return true
  }

  /** A batch without records: all of it was erased, or the end has leapt over what a failover may have lost, and over nothing else. */
  leaps({ client }: Asked, partition: number, first: number, last: number): void {
    if (this.#mayAllBeGone(partition, first, last)) return
    const { begins, lost, told } = this.#of(partition)
    if (!begins.has(first)) {
      return this.#violate("L2", `${client} finds nothing at ${first}-${last} of partition ${partition}`)
    }
    for (const [offset, value] of told) {
      if (offset < first || offset > last || lost.has(offset)) continue
      this.#violate("L2", `${client} finds nothing at ${first}-${last} of partition ${partition}, where ${value} lies`)
    }
  }

  /** A high watermark only rises, whichever broker tells it: also over a failover. */
  highWatermark({ client, isBehind, nowMs, sentMs }: Asked, partition: number, offset: number): void {
    const { marks } = this.#of(partition)
    for (let i = marks.length - 1; i >= 0; i--) {
      const mark = marks[i]!
      if (mark.nowMs >= sentMs) continue
      if (offset < mark.offset && !isBehind) {
        const text = `high watermark of partition ${partition} is ${offset} for ${client}`
        this.#violate("L6", `${text} at ${sentMs}, it was ${mark.offset} at ${mark.nowMs}`)
      }
      break
    }
    if (offset > (marks.at(-1)?.offset ?? -1)) marks.push({ offset, nowMs })
  }

  /**
   * A reader at `position` is told that what it read ended at `end` (KIP-320): all between is lost, and if the record that
   * it read last is, it is told.
   */
  truncated(
    { client, isBehind, sentMs }: Asked,
    partition: number,
    position: number,
    end: number,
    last: number | undefined
  ): void {
    const { lost, told } = this.#of(partition)
    for (let offset = end; offset < position; offset++) {
      if (!told.has(offset) || lost.has(offset)) continue
      this.#violate(
        "E3",
        `${client} is sent from ${position} back to ${end} of partition ${partition}, over ${told.get(offset)}`
      )
      return
    }
    const lostAtMs = last === undefined ? undefined : lost.get(last)
    if (!isBehind && lostAtMs !== undefined && lostAtMs < sentMs && end >= position) {
      this.#violate("E3", `${client} is not told that offset ${last} of partition ${partition} is lost`)
    }
  }

  // ---- failover

  /** A server takes over on which the partition ends there. */
  takesOver(partition: number, end: number): void {
    this.#of(partition).begins.add(end)
  }

  loses(partition: number, first: number, last: number, nowMs: number): void {
    const { lost } = this.#of(partition)
    for (let offset = first; offset <= last; offset++) if (!lost.has(offset)) lost.set(offset, nowMs)
  }

  // ---- at the end

  finish(readings: ReadonlyMap<number, Reading>): void {
    for (const [partition, reading] of readings) this.#finishPartition(partition, reading)
    for (const [value, { acknowledgedAt, partition }] of this.#produced) {
      if (acknowledgedAt === undefined || this.#isLost(partition, acknowledgedAt)) continue
      if (readings.get(partition)?.records.get(acknowledgedAt) === value) continue
      if (this.#mayBeGone(partition, acknowledgedAt, value)) continue
      this.#violate("L3", `${value}, acknowledged at ${acknowledgedAt} of partition ${partition}, is lost`)
    }
  }

  #finishPartition(partition: number, { end, leaps, records }: Reading): void {
    const { lost, told } = this.#of(partition)
    for (const [offset, value] of told) {
      if (lost.has(offset)) {
        if (records.has(offset)) this.#violate("E3", `offset ${offset} of partition ${partition} was lost and is there`)
      } else if (records.get(offset) !== value && !this.#mayBeGone(partition, offset, value)) {
        this.#violate("L3", `${value} lay at ${offset} of partition ${partition} and does not, the end is ${end}`)
      }
    }
    const isLeapt = (offset: number) => leaps.some(([first, last]) => first <= offset && offset <= last)
    const last = new Map<string, number>()
    for (let offset = 0; offset < end; offset++) {
      const value = records.get(offset)
      if (value === undefined) {
        if (!isLeapt(offset) && !this.#mayBeGone(partition, offset))
          this.#violate("L2", `offset ${offset} of partition ${partition} is missing`)
        continue
      }
      const produced = this.#produced.get(value)
      // Without idempotence a request may lie in a broker while the next one overtakes it on another connection; the same
      // may happen if a failover lost what was known of the producer, with the record itself.
      if (produced?.kind !== "idempotent" || this.#isLost(partition, produced.acknowledgedAt)) continue
      const before = last.get(produced.producer) ?? -1
      if (produced.order <= before) {
        this.#violate("L5", `${value} lies behind record ${before} of ${produced.producer} in partition ${partition}`)
      }
      last.set(produced.producer, produced.order)
    }
  }
}
