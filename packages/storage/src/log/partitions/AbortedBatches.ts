import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"

/** Tells batches of aborted transactions from others, in a part of a log in which all are decided. */
export class AbortedBatches {
  /** By producer, in order of offsets: transactions of one do not overlap. */
  readonly #transactions = new Map<bigint, Array<AbortedTransaction>>()

  constructor(transactions: ReadonlyArray<AbortedTransaction>) {
    for (const transaction of transactions) {
      const known = this.#transactions.get(transaction.producerId)
      if (known === undefined) this.#transactions.set(transaction.producerId, [transaction])
      else known.push(transaction)
    }
  }

  has(batch: Uint8Array): boolean {
    if (!RecordBatch.isTransactional(batch) || RecordBatch.isControl(batch)) return false
    const transactions = this.#transactions.get(RecordBatch.producerId(batch))
    if (transactions === undefined) return false
    const offset = RecordBatch.baseOffset(batch)
    let low = 0
    let high = transactions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (transactions[middle]!.lastOffset >= offset) high = middle
      else low = middle + 1
    }
    const transaction = transactions[low]
    return transaction !== undefined && transaction.firstOffset <= offset
  }
}
