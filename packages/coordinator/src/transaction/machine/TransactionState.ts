import type { CommittedOffset } from "@tusk/storage/offsets/Offsets"

/**
 * What a transactional id can be in. The end of a transaction is one commit: there is nothing between Ongoing and the two
 * below, as in Kafka's PrepareCommit and PrepareAbort.
 */
export type Phase = "Empty" | "Ongoing" | "CompleteCommit" | "CompleteAbort"

/** An offset that was sent to a transaction. */
export interface PendingOffset extends CommittedOffset {
  /** What the group had committed when it was sent: if it has committed something else since, that is newer. */
  readonly former: Pick<CommittedOffset, "offset" | "commitTimestamp"> | null
}

/** Whether nothing was committed since it was sent. By what it is, and not by its time: clocks are set back. */
export const isNewest = ({ former }: PendingOffset, now: CommittedOffset | undefined): boolean =>
  former?.offset === now?.offset && former?.commitTimestamp === now?.commitTimestamp

/** A transactional id. Times in milliseconds since the epoch. */
export interface TransactionState {
  readonly producerId: bigint
  /** The one before the last change of it; -1 for none. */
  readonly previousProducerId: bigint
  readonly producerEpoch: number
  /** The epoch before one that its own producer asked for; -1 for none. */
  readonly lastProducerEpoch: number
  /** `transaction.timeout.ms`. */
  readonly timeoutMs: number
  readonly phase: Phase
  /** Ids of the partitions in the transaction. */
  readonly partitionIds: ReadonlySet<number>
  /** Groups with offsets that are part of it, with those that were sent so far, by partition id. */
  readonly groups: ReadonlyMap<string, ReadonlyMap<number, PendingOffset>>
  /** When the transaction began; -1: none did yet. */
  readonly startedAtMs: number
  readonly updatedAtMs: number
  /** `ClusterState.failoverEpoch` when it was stored. A later failover may have lost what came behind. */
  readonly failoverEpoch: number
}

/** Epochs of producers go up to here: the last one is for markers, so that every producer can be fenced. */
export const EXHAUSTED_EPOCH = 0x7ffe
const LAST_EPOCH = 0x7fff

export const isExhausted = (epoch: number): boolean => epoch >= EXHAUSTED_EPOCH

/** The epoch behind one; there is none behind the last. */
export const epochAfter = (epoch: number): number => Math.min(epoch + 1, LAST_EPOCH)

export const NO_PARTITIONS: ReadonlySet<number> = new Set()
export const NO_GROUPS: TransactionState["groups"] = new Map()
