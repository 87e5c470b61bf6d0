import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"
import type { PartitionTail } from "./Tail.ts"

const NONE: ReadonlyArray<AbortedTransaction> = []

/** Aborted transactions that concern the batches of a tail: each has its marker there, so that their number is bounded. */
export class AbortedTail {
  readonly #tail: Pick<PartitionTail, "from">
  /** In order of their ends. */
  #transactions: Array<AbortedTransaction> = []

  constructor(tail: Pick<PartitionTail, "from">) {
    this.#tail = tail
  }

  /** Those of a commit, in order. Now and then those with a marker that has left the tail go. */
  add(transactions: ReadonlyArray<AbortedTransaction>): void {
    const gone = this.#firstFrom(this.#tail.from)
    if (gone > 64 && gone * 2 > this.#transactions.length) this.#transactions = this.#transactions.slice(gone)
    this.#transactions.push(...transactions)
  }

  /** Compaction took a marker away, and with it what tells of it. */
  remove(lastOffset: bigint): void {
    const at = this.#firstFrom(lastOffset)
    if (this.#transactions[at]?.lastOffset === lastOffset) this.#transactions.splice(at, 1)
  }

  /** Those of which a record may lie at or above `from`, where the tail begins or further on, and below `to`. */
  within(from: bigint, to: bigint): ReadonlyArray<AbortedTransaction> {
    const transactions = this.#transactions
    if (transactions.length === 0 || from >= to) return NONE
    const found: Array<AbortedTransaction> = []
    for (let i = this.#firstFrom(from); i < transactions.length; i++) {
      const transaction = transactions[i]!
      if (transaction.firstOffset < to) found.push(transaction)
      // None that ended later begins below where all was decided then.
      if (transaction.lastStableOffset >= to) break
    }
    return found
  }

  /** The first that ends at or behind an offset. */
  #firstFrom(offset: bigint): number {
    let low = 0
    let high = this.#transactions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#transactions[middle]!.lastOffset >= offset) high = middle
      else low = middle + 1
    }
    return low
  }
}
