import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"
import type { StoredCompaction } from "./Write.ts"

/** A batch without its bytes, as producer state is rebuilt from it. */
export interface StoredBatchHead {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly producerEpoch: number
  /** -1 for a marker, which ends a transaction. */
  readonly baseSequence: number
  readonly leaderEpoch: number
}

/** A transaction that has not ended, as it lies in one partition. */
export interface StoredOpenTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

/** What is known of a partition before any of its batches is read. Offsets, bytes and milliseconds are int64. */
export interface StoredPartition {
  readonly partitionId: number
  /** The last failover over which its end has leapt. */
  readonly failoverEpoch: number
  /** No reader reads below it. */
  readonly logStartOffset: bigint
  /** All batches below it have moved to objects as a topic's second tier; 0 for none. */
  readonly localStartOffset: bigint
  /** Last offset + 1: the next offset to give. */
  readonly endOffset: bigint
  /** The greatest timestamp ever appended, in milliseconds; -1 for none. */
  readonly timestampHigh: bigint
  /** Bytes ever appended. */
  readonly cumulativeBytes: bigint
  /** Bytes of the batches that are there; undefined if each batch has to be looked at (`Store.sizeOf`). */
  readonly sizeBytes: bigint | undefined
  /** Offset of the first append of each leader epoch, in order. */
  readonly leaderEpochs: ReadonlyArray<{ readonly epoch: number; readonly startOffset: bigint }>
  /** Null for a partition that was never compacted. */
  readonly compaction: StoredCompaction | null
  readonly producerSnapshot: { readonly endOffset: bigint; readonly value: Uint8Array } | null
  /** Batches of idempotent producers from the snapshot's end (or the log's start) on, in order of offset. */
  readonly producerBatches: ReadonlyArray<StoredBatchHead>
  /** In order of first offsets. */
  readonly openTransactions: ReadonlyArray<StoredOpenTransaction>
  /** The greatest `lastOffset` of its aborted transactions; -1 for none. */
  readonly lastAborted: bigint
}

/** What a group committed for a partition; fields as in `PutOffset`. */
export interface StoredOffset {
  readonly groupId: string
  readonly partitionId: number
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string | null
  readonly commitTimestamp: bigint
  readonly expireTimestamp: bigint
}

/** A member that is stored apart from its group; `value` is the coordinator's own text. */
export interface StoredGroupMember {
  readonly memberId: string
  readonly value: string
}

/** A group; `value` is the coordinator's own text. */
export interface StoredGroup {
  readonly groupId: string
  readonly kind: string
  readonly value: string
  /** Absent if none are stored apart. */
  readonly members?: ReadonlyArray<StoredGroupMember>
}

/** A group that consumes a partition in SQL: Kafka clients do not commit offsets for it. */
export interface StoredClaim {
  readonly groupId: string
  readonly partitionId: number
}

/** The state of a transactional id; fields as in `PutTransactionalId`. */
export interface StoredTransactionalId {
  readonly transactionalId: string
  readonly revision: bigint
  readonly value: string
}

/** What services read when they begin: the ends of partitions, offsets, groups and transactional ids. */
export interface StateLoader {
  /** The ends of partitions, in order of ids. */
  readonly loadPartitions: (
    partitionIds: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlyArray<StoredPartition>, StoreError>
  readonly loadOffsets: Effect.Effect<ReadonlyArray<StoredOffset>, StoreError>
  /** Those that the broker has not been told of yet are among them. */
  readonly loadClaims: Effect.Effect<ReadonlyArray<StoredClaim>, StoreError>
  readonly loadGroups: Effect.Effect<ReadonlyArray<StoredGroup>, StoreError>
  readonly loadTransactionalIds: Effect.Effect<ReadonlyArray<StoredTransactionalId>, StoreError>
}
