import type { Write } from "../../port/Write.ts"
import type { ReadBatch } from "./Taking.ts"

/** Batches that follow each other, in a partition: all that there are from an offset on up to the last one's end. */
export interface Run {
  readonly partitionId: number
  readonly from: bigint
  readonly batches: ReadonlyArray<ReadBatch>
}

/** A run of fewer batches is not worth its place. */
const LEAST = 8

/** Those of these writes that change where batches lie, or which there are. */
const CHANGES = new Set<Write["_tag"]>(["DeleteBatches", "ReplaceBatches", "MoveBatches", "DropPartition"])

const lastOf = ({ batches }: Run): bigint => batches[batches.length - 1]!.lastOffset

/** How many begin at an offset or before it. */
const countUpTo = (runs: ReadonlyArray<Run>, offset: bigint): number => {
  let low = 0
  let high = runs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (runs[middle]!.from <= offset) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Where batches lie in objects, as rows have told it: who reads on, or reads what another has read, asks for no row. Bounded by
 * `tusk.object.cache.pointers`, some 130 bytes each; what was not used longest goes first. For one reign, in which no other
 * process changes rows.
 */
export class Pointers {
  readonly #most: number
  /** Of each partition, by their first offset. */
  readonly #partitions = new Map<number, Array<Run>>()
  /** In order of last use. */
  readonly #used = new Set<Run>()
  #count = 0
  #changes = 0

  /** `most`: batches, in all runs. */
  constructor(most: number) {
    this.#most = most
  }

  /** Batches in memory. */
  get count(): number {
    return this.#count
  }

  /** Rises with each change: what is read while one happens is not kept. */
  get changes(): number {
    return this.#changes
  }

  /** What holds the batch that is read at an offset. */
  at(partitionId: number, offset: bigint): Run | undefined {
    const runs = this.#partitions.get(partitionId)
    const run = runs?.[countUpTo(runs, offset) - 1]
    return run === undefined || lastOf(run) < offset ? undefined : run
  }

  /** The same, which is going to be used. */
  find(partitionId: number, offset: bigint): Run | undefined {
    const run = this.at(partitionId, offset)
    if (run !== undefined) {
      this.#used.delete(run)
      this.#used.add(run)
    }
    return run
  }

  /** Keeps what was read, `changes` being what it was before. */
  keep(run: Run, changes: number): void {
    if (changes !== this.#changes || run.batches.length < LEAST) return
    const runs = this.#partitions.get(run.partitionId) ?? []
    this.#partitions.set(run.partitionId, runs)
    const at = countUpTo(runs, run.from)
    const before = runs[at - 1]
    if (before?.from === run.from) {
      this.#forgotten(before)
      runs[at - 1] = run
    } else runs.splice(at, 0, run)
    this.#used.add(run)
    this.#count += run.batches.length
    while (this.#count > this.#most) this.#drop(this.#used.values().next().value!)
  }

  /** What is stored changes rows: nothing that is known of their partitions holds any longer. */
  changed(units: ReadonlyArray<ReadonlyArray<Write>>): void {
    for (const unit of units) {
      for (const write of unit) {
        if (CHANGES.has(write._tag) && "partitionId" in write) this.forget(write.partitionId)
      }
    }
  }

  forget(partitionId: number): void {
    this.#changes++
    for (const run of this.#partitions.get(partitionId) ?? []) this.#forgotten(run)
    this.#partitions.delete(partitionId)
  }

  #drop(run: Run): void {
    const runs = this.#partitions.get(run.partitionId)!
    runs.splice(runs.indexOf(run), 1)
    if (runs.length === 0) this.#partitions.delete(run.partitionId)
    this.#forgotten(run)
  }

  #forgotten(run: Run): void {
    this.#used.delete(run)
    this.#count -= run.batches.length
  }
}
