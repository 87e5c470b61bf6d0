/** What a read of the source becomes at the target: pure. The words of it are in docs/replication.md. */
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"

/** What was read of a partition, up to its last stable offset. */
export interface SourceRead {
  readonly batches: ReadonlyArray<Uint8Array>
  /** Whether a batch belongs to an aborted transaction. */
  readonly isAborted: (batch: Uint8Array) => boolean
  readonly logStartOffset: bigint
  /** Nothing lies from where it was read to here, for certain, if there are no batches. */
  readonly emptyUntil: bigint
  readonly lastStableOffset: bigint
}

/** Where a partition is. */
export interface Position {
  /** The next offset of the source, and that which its record would have at the target. */
  readonly source: bigint
  readonly target: bigint
  /** The difference of both that is known already: constant with fillers, else as it was mapped last. */
  readonly difference: bigint
}

/** A batch on its way. */
interface Placed {
  /** Where its first record is to lie. */
  readonly target: bigint
  readonly records: number
  /** The offset of the source behind it. */
  readonly next: bigint
}

/** What is sent. */
export type Sent = Placed &
  (
    | {
        /** The batch as it is, but for its header. */
        readonly _tag: "Copy"
        readonly batch: Uint8Array
      }
    | {
        /** What is left from `from` on of a batch that has lost records, or begins before; holes are filled, or close up. */
        readonly _tag: "Rebuild"
        readonly batch: Uint8Array
        readonly from: bigint
      }
    | {
        /** Fillers alone, of that time. */
        readonly _tag: "Fill"
        readonly timestamp: bigint
      }
  )

/** What is to be done, in order. */
export type Step =
  | Sent
  | {
      /** From here on offsets differ in another way. */
      readonly _tag: "Map"
      readonly source: bigint
      readonly target: bigint
    }

export interface Planned {
  readonly steps: ReadonlyArray<Step>
  readonly position: Position
}

export interface PlanOptions {
  /** Whether what is missing is filled; else offsets close up, and that is mapped. */
  readonly fills: boolean
  /** Most fillers of one batch. */
  readonly fillMost: number
  /** The offsets of a batch's records from one on, in order. Opens it. */
  readonly offsetsOf: (batch: Uint8Array, from: bigint) => ReadonlyArray<bigint>
}

const NO_TIMESTAMP = -1n
/** Batches of fillers that one read becomes at most: a gap may be of any size. */
const MOST_FILLS = 100

/** Puts the steps of one read together. */
class Plan {
  readonly steps: Array<Step> = []
  readonly #options: PlanOptions
  #source: bigint
  #target: bigint
  #difference: bigint
  #timestamp = NO_TIMESTAMP
  #fills = 0

  constructor({ difference, source, target }: Position, options: PlanOptions) {
    this.#source = source
    this.#target = target
    this.#difference = difference
    this.#options = options
  }

  /** What is not filled yet is read once more. */
  get position(): Position {
    const source = this.#options.fills ? this.#target + this.#difference : this.#source
    return { source, target: this.#target, difference: this.#difference }
  }

  /** The next offset that is to be looked at. */
  get source(): bigint {
    return this.#source
  }

  /** The source has no record below an offset. */
  skip(to: bigint, timestamp: bigint): void {
    if (to <= this.#source) return
    this.#source = to
    this.#timestamp = timestamp
  }

  /** Fills what was skipped; false: not all of it. */
  fill(): boolean {
    for (;;) {
      const left = this.#source - this.#target - this.#difference
      if (left <= 0n || !this.#options.fills) return true
      if (this.#fills++ >= MOST_FILLS) return false
      const most = BigInt(this.#options.fillMost)
      const records = Number(left < most ? left : most)
      const next = this.#target + this.#difference + BigInt(records)
      this.#send({ _tag: "Fill", target: this.#target, records, next, timestamp: this.#timestamp })
    }
  }

  /** False: it is not its turn yet. */
  take(batch: Uint8Array): boolean {
    const base = RecordBatch.baseOffset(batch)
    const end = RecordBatch.lastOffset(batch) + 1n
    const from = this.#source
    if (!this.fill()) return false
    const records = RecordBatch.recordCount(batch)
    if (base === from && BigInt(records) === end - base) {
      this.#map(from, this.#target)
      this.#send({ _tag: "Copy", batch, target: this.#target, records, next: end })
    } else if (this.#options.fills) {
      this.#send({ _tag: "Rebuild", batch, from, target: this.#target, records: Number(end - from), next: end })
    } else this.#close(batch, from, end)
    this.#source = end
    return true
  }

  /** What is left of a batch, without holes: each place behind one is mapped. */
  #close(batch: Uint8Array, from: bigint, next: bigint): void {
    const offsets = this.#options.offsetsOf(batch, from)
    offsets.forEach((offset, i) => this.#map(offset, this.#target + BigInt(i)))
    if (offsets.length === 0) return
    this.#send({ _tag: "Rebuild", batch, from, target: this.#target, records: offsets.length, next })
  }

  #map(source: bigint, target: bigint): void {
    if (source - target === this.#difference) return
    this.#difference = source - target
    this.steps.push({ _tag: "Map", source, target })
  }

  #send(step: Sent): void {
    this.steps.push(step)
    this.#target += BigInt(step.records)
  }
}

const take = (plan: Plan, batch: Uint8Array, isAborted: SourceRead["isAborted"]): boolean => {
  const end = RecordBatch.lastOffset(batch) + 1n
  if (end <= plan.source) return true
  plan.skip(RecordBatch.baseOffset(batch), RecordBatch.maxTimestamp(batch))
  const isLeftOut = RecordBatch.isControl(batch) || isAborted(batch) || RecordBatch.recordCount(batch) === 0
  if (!isLeftOut) return plan.take(batch)
  plan.skip(end, RecordBatch.maxTimestamp(batch))
  return true
}

/**
 * The steps that a read of the source becomes, from a position on. With fillers a record's offset minus its target's stays
 * as it is; without, each place where that changes is mapped before what lies behind it is sent.
 */
export const planned = (position: Position, read: SourceRead, options: PlanOptions): Planned => {
  const plan = new Plan(position, options)
  plan.skip(read.logStartOffset, NO_TIMESTAMP)
  const isAll = read.batches.every((batch) => take(plan, batch, read.isAborted))
  if (read.batches.length === 0) plan.skip(read.emptyUntil, NO_TIMESTAMP)
  if (isAll) plan.fill()
  return { steps: plan.steps, position: plan.position }
}
