/** `error`: it would not serve, or not what was stored; `warning`: a person has to look; `info`: worth knowing. */
export type Severity = "error" | "warning" | "info"

/** What is wrong with a copy of the database, and where. */
export interface Damage {
  readonly severity: Severity
  /** What was looked at: schema, counters, topics, batches, checksums, transactions, producers, groups, objects, sequences, live. */
  readonly check: string
  readonly topic: string | null
  readonly partition: number | null
  readonly offset: bigint | null
  readonly seen: string
}

/** Where a damage lies; what is not said is null. */
export type Place = Partial<Pick<Damage, "topic" | "partition" | "offset">>

const MOST = 1000

/** Takes down damages, a bounded number of them; those beyond are counted. */
export class Report {
  readonly damages: Array<Damage> = []
  readonly counts: Record<Severity, number> = { error: 0, warning: 0, info: 0 }
  partitions = 0
  batches = 0
  bytes = 0
  groupOffsets = 0
  /** Batches whose bytes lie in objects, and these bytes, which are not read. */
  objectBatches = 0
  objectBytes = 0
  /** Objects that were looked for in the store; null: they were not. */
  objects: number | null = null

  add(
    severity: Severity,
    check: string,
    seen: string,
    { offset = null, partition = null, topic = null }: Place = {}
  ): void {
    this.counts[severity]++
    if (this.damages.length < MOST) this.damages.push({ severity, check, topic, partition, offset, seen })
  }

  get untold(): number {
    return this.counts.error + this.counts.warning + this.counts.info - this.damages.length
  }
}
