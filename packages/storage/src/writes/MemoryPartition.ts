import type { AbortedTransaction } from "../port/AbortedTransaction.ts"
import type { Append, StoredCompaction } from "../port/Write.ts"

/** A batch as memory keeps it. One whose bytes lie in an object is without them, and says how many they are. */
export interface MemoryBatch extends Omit<Append, "records"> {
  readonly records: Uint8Array | undefined
  readonly bytes?: number
}

/** Bytes of the batch, wherever they lie. */
export const bytesOf = ({ bytes, records }: MemoryBatch): number => records?.byteLength ?? bytes!

/** The batch with its bytes, which lie here. */
export const inMemory = (batch: MemoryBatch): MemoryBatch & { readonly records: Uint8Array } => {
  const { records } = batch
  if (records === undefined) throw new Error(`the batch at ${batch.baseOffset} lies in an object`)
  return { ...batch, records }
}

export class MemoryPartition {
  /** Undefined once its topic is deleted. */
  topicId: string | undefined
  /** The last failover over which its end has leapt. */
  failoverEpoch: number
  logStartOffset = 0n
  localStartOffset = 0n
  endOffset = 0n
  timestampHigh = -1n
  cumulativeBytes = 0n
  /** In order of offsets; `first` are deleted and trimmed now and then. */
  batches: Array<MemoryBatch> = []
  first = 0
  leaderEpochs: Array<{ readonly epoch: number; readonly startOffset: bigint }> = []
  producerSnapshot: { readonly endOffset: bigint; readonly value: Uint8Array } | null = null
  compaction: StoredCompaction | null = null
  /** Producer ids by first offset, in order of offsets. */
  openTransactions = new Map<bigint, bigint>()
  /** In order of their ends. */
  aborted: Array<AbortedTransaction> = []

  constructor(topicId: string | undefined, failoverEpoch: number) {
    this.topicId = topicId
    this.failoverEpoch = failoverEpoch
  }

  copy(): MemoryPartition {
    const copy = Object.assign(new MemoryPartition(this.topicId, this.failoverEpoch), this)
    copy.batches = this.batches.slice()
    copy.leaderEpochs = this.leaderEpochs.slice()
    copy.openTransactions = new Map(this.openTransactions)
    copy.aborted = this.aborted.slice()
    return copy
  }

  /** Index of the first batch for which `test` holds; `test` must turn from false to true once. */
  search(test: (batch: MemoryBatch) => boolean): number {
    let low = this.first
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (test(this.batches[middle]!)) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Index of the batch that begins at this offset. */
  find(baseOffset: bigint): number | undefined {
    const at = this.search((batch) => batch.baseOffset >= baseOffset)
    return this.batches[at]?.baseOffset === baseOffset ? at : undefined
  }

  /** Bytes of the batches that are there. */
  get sizeBytes(): bigint {
    let bytes = 0
    for (let i = this.first; i < this.batches.length; i++) bytes += bytesOf(this.batches[i]!)
    return BigInt(bytes)
  }
}
