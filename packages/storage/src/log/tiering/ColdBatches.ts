import type { StoredBatchSize } from "../../port/Store.ts"

/** A batch that is to move. */
export type ColdBatch = Pick<StoredBatchSize, "baseOffset" | "bytes" | "inObject" | "lastOffset">

/** Batches of a partition that are to move, in order; none is left out between two of them. */
export interface ColdPart {
  readonly partitionId: number
  readonly batches: Array<ColdBatch>
}

/** What one object is to hold, of any partitions. */
export class ColdBatches {
  readonly #maxBytes: number
  readonly #maxBatches: number
  readonly #parts = new Map<number, ColdPart>()
  #bytes = 0
  #batches = 0

  constructor({ objectBatches, objectBytes }: { readonly objectBatches: number; readonly objectBytes: number }) {
    this.#maxBytes = objectBytes
    this.#maxBatches = objectBatches
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes || this.#batches >= this.#maxBatches
  }

  get isEmpty(): boolean {
    return this.#batches === 0
  }

  /** In order of partitions, as they lie in the object. */
  get parts(): ReadonlyArray<ColdPart> {
    return Array.from(this.#parts.values()).sort((a, b) => a.partitionId - b.partitionId)
  }

  /** Takes the first of these, as many as there is room for; tells how many. */
  take(partitionId: number, batches: ReadonlyArray<ColdBatch>): number {
    let taken = 0
    while (taken < batches.length && !this.isFull) {
      const batch = batches[taken++]!
      const part = this.#parts.get(partitionId)
      if (part === undefined) this.#parts.set(partitionId, { partitionId, batches: [batch] })
      else part.batches.push(batch)
      this.#batches++
      // What lies in an object already is not read.
      if (!batch.inObject) this.#bytes += batch.bytes
    }
    return taken
  }
}

/** Runs of batches of a part that follow each other and lie in rows: each is one read. */
export const rowsOf = ({ batches }: ColdPart): ReadonlyArray<{ readonly from: bigint; readonly bytes: number }> => {
  const runs: Array<{ from: bigint; bytes: number }> = []
  let isRun = false
  for (const { baseOffset, bytes, inObject } of batches) {
    if (!inObject && !isRun) runs.push({ from: baseOffset, bytes })
    else if (!inObject) runs.at(-1)!.bytes += bytes
    isRun = !inObject
  }
  return runs
}
