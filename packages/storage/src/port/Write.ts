import * as Data from "effect/Data"
import type { AbortedTransaction } from "./AbortedTransaction.ts"
import type { OutboxKey } from "./Outbox.ts"
import type {
  QuotaKey,
  ScramKey,
  StoredAcl,
  StoredDelegationToken,
  StoredQuota,
  StoredScramCredential,
  TokenKey
} from "./Security.ts"

/**
 * All that lasts, as values. A partition is known by its `partitionId`, an int32 that is never given twice in a cluster.
 * Offsets are int64 as bigint, timestamps milliseconds since the epoch as bigint.
 */
export type Write = Data.TaggedEnum<{
  /**
   * One record batch, as it lies on the wire. `timestampHigh` is the greatest `maxTimestamp` of the partition up to and
   * with this batch, `cumulativeBytes` the bytes ever appended to it up to and with this batch: both grow with the
   * offset, so that a search by time or size is a binary search over the primary key.
   */
  Append: {
    readonly partitionId: number
    readonly baseOffset: bigint
    readonly lastOffset: bigint
    readonly leaderEpoch: number
    readonly maxTimestamp: bigint
    readonly timestampHigh: bigint
    readonly cumulativeBytes: bigint
    readonly producerId: bigint
    readonly producerEpoch: number
    readonly baseSequence: number
    readonly records: Uint8Array
    /** Where the bytes lie: then the row has a pointer in their place, and `PutObject` is in the same unit. */
    readonly stored?: StoredAt
    /** May be lost when the database or its machine crashes soon after its commit (docs/durability.md). */
    readonly relaxed?: boolean
  }
  /** The first append of a leader epoch to a partition. */
  PutLeaderEpoch: { readonly partitionId: number; readonly epoch: number; readonly startOffset: bigint }
  /** Producer state up to `endOffset`, so that loading reads only the batches behind it. `value` is opaque. */
  PutProducerSnapshot: { readonly partitionId: number; readonly endOffset: bigint; readonly value: Uint8Array }
  /** The log start offset rises; batches wholly below it may be deleted. */
  PutLogStart: { readonly partitionId: number; readonly logStartOffset: bigint }
  /** All batches below lie in objects, which they have moved to; it rises. */
  PutLocalStart: { readonly partitionId: number; readonly localStartOffset: bigint }
  /** Deletes at most `limit` of the oldest batches with a last offset below `below`. */
  DeleteBatches: { readonly partitionId: number; readonly below: bigint; readonly limit: number }
  /**
   * Compaction's step over one partition: batches with fewer records in the place of those at the same base offset, or
   * nothing. Batches that are not there any more are passed over; the newest one of a partition is never taken away.
   */
  ReplaceBatches: { readonly partitionId: number; readonly batches: ReadonlyArray<Replacement> }
  /**
   * An object that batches of this unit point to; there already: it is in use, and no larger than this. Also one that has grown,
   * with the size that it came to.
   */
  PutObject: StoredObject
  /**
   * The bytes of batches lie elsewhere now: in the object. Batches that are not there any more, or whose bytes do not lie where
   * they did (`from`), are passed over.
   */
  MoveBatches: { readonly partitionId: number; readonly batches: ReadonlyArray<MovedBatch> }
  /** All that lay in these objects lies elsewhere: none of them is merged again, but those to which a batch points still. */
  PutMerged: { readonly objectIds: ReadonlyArray<bigint> }
  /** Records of these batches are erased: what else lies in the objects that they lie in now is to be moved soon. */
  PutErased: { readonly partitionId: number; readonly baseOffsets: ReadonlyArray<bigint> }
  /** No batch points to these objects, as of `unusedSince` (milliseconds); those that one points to are passed over. */
  PutUnusedObjects: { readonly objectIds: ReadonlyArray<bigint>; readonly unusedSince: bigint }
  /** The last trace of an object that the store does not hold any more. */
  DropObject: { readonly objectId: bigint }
  /** How far a partition is compacted. */
  PutCompaction: { readonly partitionId: number; readonly compaction: StoredCompaction }
  PutTopic: { readonly topicId: string; readonly name: string }
  PutPartition: { readonly topicId: string; readonly index: number; readonly partitionId: number }
  /** The topic, its configs and its committed offsets go at once; its partitions are left as orphans (`ClusterState`). */
  DeleteTopic: { readonly topicId: string }
  /** The last trace of an orphaned partition, once its batches are deleted. */
  DropPartition: { readonly partitionId: number }
  /** A config of a resource (`resourceType` as in the Config APIs: 2 topic, 4 broker, 32 group); null takes it away. */
  PutConfig: {
    readonly resourceType: number
    readonly resourceName: string
    readonly name: string
    readonly value: string | null
  }
  PutOffset: {
    readonly groupId: string
    readonly partitionId: number
    readonly offset: bigint
    readonly leaderEpoch: number
    readonly metadata: string | null
    readonly commitTimestamp: bigint
    /** -1: the broker's retention holds. */
    readonly expireTimestamp: bigint
  }
  DeleteOffset: { readonly groupId: string; readonly partitionId: number }
  /** The state of a group, written once a stable generation. `value` is the coordinator's own text. */
  PutGroup: { readonly groupId: string; readonly kind: string; readonly value: string }
  /** One member of a group, for kinds that keep them apart: a changed member is stored, and not the whole group. */
  PutGroupMember: { readonly groupId: string; readonly memberId: string; readonly value: string }
  /** Null: every member of the group. */
  DeleteGroupMember: { readonly groupId: string; readonly memberId: string | null }
  /** A group with all its members and offsets. */
  DeleteGroup: { readonly groupId: string }
  /** A producer's transaction begins in a partition: no reader of committed records goes beyond `firstOffset` until it ends. */
  BeginTransaction: { readonly partitionId: number; readonly producerId: bigint; readonly firstOffset: bigint }
  /** Its marker, at `lastOffset`, is written; with `aborted` its records are to be passed over. */
  EndTransaction: AbortedTransaction & { readonly partitionId: number; readonly aborted: boolean }
  /**
   * The state of a transactional id in the place of the former one. `revision` is given to no other state of any id;
   * `former` is that of the state before, null for the first. `value` is the coordinator's own text.
   */
  PutTransactionalId: {
    readonly transactionalId: string
    readonly revision: bigint
    readonly former: bigint | null
    readonly value: string
  }
  DeleteTransactionalId: { readonly transactionalId: string; readonly former: bigint }
  /** The next producer id, which no producer has yet. */
  PutNextProducerId: { readonly next: bigint }
  /** Rows of the outbox that this unit appends, or notes. The commit is refused if one of them is not there any more. */
  DeleteOutbox: { readonly keys: ReadonlyArray<OutboxKey> }
  /** A row of the outbox that cannot be appended any more is laid aside. As `DeleteOutbox`, if it is not there. */
  RefuseOutbox: OutboxKey & { readonly reason: string }
  /** The partition's end has leapt over what a failover may have lost (`ClusterState.failoverEpoch`). */
  PutFailoverEpoch: { readonly partitionId: number; readonly epoch: number }
  /** A row of who may do what; there already: nothing changes. */
  PutAcl: StoredAcl
  DeleteAcl: StoredAcl
  /** In the place of the user's former one of that mechanism. */
  PutScramCredential: StoredScramCredential
  DeleteScramCredential: ScramKey
  PutQuota: StoredQuota
  DeleteQuota: QuotaKey
  PutDelegationToken: StoredDelegationToken
  DeleteDelegationToken: TokenKey
}>
export const Write = Data.taggedEnum<Write>()

/** What takes the place of the batch at `baseOffset`: null for nothing. */
export interface Replacement {
  readonly baseOffset: bigint
  readonly records: Uint8Array | null
  /** Where the new bytes lie; absent: in the row. */
  readonly stored?: StoredAt
}

/** Where the bytes of a batch lie: in which object, from which byte on. */
export interface StoredAt {
  readonly objectId: bigint
  readonly position: number
}

/** An object of a store. */
export interface StoredObject {
  /** Given by the broker; greater than those of all objects that are there. */
  readonly objectId: bigint
  readonly name: string
  /** Of one that may grow yet, the most that it comes to. */
  readonly bytes: number
  /** When it was put, in milliseconds, by the broker's clock. */
  readonly createdAt: bigint
  /** In order of partition and offset: it is not merged again. */
  readonly merged: boolean
}

/** A batch whose bytes lie elsewhere now. */
export interface MovedBatch {
  readonly baseOffset: bigint
  /** The object in which they lay; null: in the row. */
  readonly from: bigint | null
  readonly to: StoredAt
  readonly bytes: number
}

/** Compaction's own state of a partition. */
export interface StoredCompaction {
  /** Below it, for each key only the latest record is left. */
  readonly cleanedOffset: bigint
  /** `cumulativeBytes` of the last batch below `cleanedOffset`. */
  readonly cleanedBytes: bigint
  /** When the first of the tombstones below `cleanedOffset` may go, in milliseconds; -1 for none. */
  readonly deleteHorizon: bigint
}

/** The kinds of writes. What each is and does is told in one table (`../writes/Writes.ts`). */
export type WriteTag = Write["_tag"]
/** The writes of a kind. */
export type WriteOf<T extends WriteTag> = Extract<Write, { readonly _tag: T }>

export type Append = WriteOf<"Append">

/** Writes that stand or fall together. */
export type Unit = ReadonlyArray<Write>

const GO_ALONG: ReadonlySet<WriteTag> = new Set(["PutLeaderEpoch", "PutObject", "PutProducerSnapshot"])

/** Whether nothing in a commit has to be on disk when it returns: relaxed appends, and what only goes with them. */
export const isRelaxed = (units: ReadonlyArray<Unit>): boolean => {
  let relaxed = false
  for (const unit of units) {
    for (const write of unit) {
      if (write._tag === "Append" && write.relaxed === true) relaxed = true
      else if (!GO_ALONG.has(write._tag)) return false
    }
  }
  return relaxed
}
