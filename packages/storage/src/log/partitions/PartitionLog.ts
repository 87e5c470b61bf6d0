import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"
import type { StoredPartition } from "../../port/StateLoader.ts"
import type { Bound } from "./Bound.ts"
import { restoreProducers } from "./ProducerState.ts"
import type { ProducerState } from "./ProducerState.ts"

/**
 * One partition's end, and what an append is judged by. Values only: no clock, no store.
 *
 * State has two parts. *Committed* is what the store has acknowledged; *assumed* is what the commit that is being put
 * together, or is in flight, will make of it. `Proposal.ts` says how one becomes the other.
 */
export interface PartitionLog {
  readonly partitionId: number
  /** The last failover over which its end has leapt. */
  failoverEpoch: number
  committed: LogEnd
  readonly producers: Map<bigint, ProducerState>
  /** Transactions that have not ended: the first offset of each by producer id, the oldest first. */
  readonly openTransactions: Map<bigint, bigint>
  assumed: Assumed | undefined
  logStartOffset: bigint
  /** Batches below have moved to objects; 0 for none. May lie below the log start. */
  localStartOffset: bigint
  /** The marker of the last transaction that was aborted; -1 for none. */
  lastAborted: bigint
  /** Bytes appended that are not there any more; undefined until a caller asks, if that takes long to find out. */
  bytesGone: bigint | undefined
  readonly leaderEpochs: Array<{ readonly epoch: number; readonly startOffset: bigint }>
}

/** The end of a log: all of it rises only. */
export interface LogEnd {
  /** The next offset to give. */
  readonly endOffset: bigint
  readonly timestampHigh: bigint
  readonly cumulativeBytes: bigint
  readonly leaderEpoch: number
  readonly sinceSnapshot: number
  /** A snapshot of producers up to here, or further, is stored. */
  readonly snapshotEnd: bigint
}

export interface Assumed {
  readonly end: LogEnd
  readonly producers: Map<bigint, ProducerState>
  /** Transactions that begin (by their first offset) or end (null); undefined: none does. */
  readonly transactions: Map<bigint, bigint | null> | undefined
  /** Those that end as aborted, in order. */
  readonly aborted: ReadonlyArray<AbortedTransaction>
}

export interface LogLimits {
  /** Batches after which the producers' state is stored once more: what loading reads at most. */
  readonly snapshotEvery: number
  /** Producers remembered a partition; the longest silent go first. */
  readonly maxProducers: number
  readonly producerIdExpirationMs: number
}

export const fromStored = (stored: StoredPartition): PartitionLog => ({
  partitionId: stored.partitionId,
  failoverEpoch: stored.failoverEpoch,
  committed: {
    endOffset: stored.endOffset,
    timestampHigh: stored.timestampHigh,
    cumulativeBytes: stored.cumulativeBytes,
    leaderEpoch: stored.leaderEpochs[stored.leaderEpochs.length - 1]?.epoch ?? -1,
    sinceSnapshot: stored.producerBatches.length,
    snapshotEnd: stored.producerSnapshot?.endOffset ?? 0n
  },
  producers: restoreProducers(stored.producerSnapshot?.value ?? null, stored.producerBatches),
  openTransactions: new Map(stored.openTransactions.map(({ firstOffset, producerId }) => [producerId, firstOffset])),
  assumed: undefined,
  logStartOffset: stored.logStartOffset,
  localStartOffset: stored.localStartOffset,
  lastAborted: stored.lastAborted,
  bytesGone: stored.sizeBytes === undefined ? undefined : stored.cumulativeBytes - stored.sizeBytes,
  leaderEpochs: stored.leaderEpochs.slice()
})

/** The offset behind the last batch that is stored. */
export const highWatermark = (log: PartitionLog): bigint => log.committed.endOffset

/** Start of the first open transaction, or of the log if that is higher; the high watermark if none is open. */
export const lastStableOffset = ({ committed, logStartOffset, openTransactions }: PartitionLog): bigint => {
  if (openTransactions.size === 0) return committed.endOffset
  const first = openTransactions.values().next().value!
  return first > logStartOffset ? first : logStartOffset
}

/** The offset behind the last record that a reader by this bound may have. */
export const readableEnd = (log: PartitionLog, bound: Bound): bigint =>
  bound === "HighWatermark" ? highWatermark(log) : lastStableOffset(log)

/** Whether anything is remembered of the producer of this batch; true for a batch without one. */
export const isKnown = (log: PartitionLog, batch: Uint8Array): boolean => {
  if (!RecordBatch.hasProducer(batch)) return true
  const producerId = RecordBatch.producerId(batch)
  return log.assumed?.producers.has(producerId) === true || log.producers.has(producerId)
}
