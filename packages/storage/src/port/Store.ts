import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BatchReader } from "./BatchReader.ts"
import type { AcquireError, Fenced, StoreError } from "./StoreError.ts"

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
    /** May be lost when the database or its machine crashes soon after its commit (docs/durability.md). */
    readonly relaxed?: boolean
  }
  /** The first append of a leader epoch to a partition. */
  PutLeaderEpoch: { readonly partitionId: number; readonly epoch: number; readonly startOffset: bigint }
  /** Producer state up to `endOffset`, so that loading reads only the batches behind it. `value` is opaque. */
  PutProducerSnapshot: { readonly partitionId: number; readonly endOffset: bigint; readonly value: Uint8Array }
  /** The log start offset rises; batches wholly below it may be deleted. */
  PutLogStart: { readonly partitionId: number; readonly logStartOffset: bigint }
  /** Deletes at most `limit` of the oldest batches whose last offset is below `below`. */
  DeleteBatches: { readonly partitionId: number; readonly below: bigint; readonly limit: number }
  /**
   * Compaction's step over one partition: batches with fewer records in the place of those at the same base offset, or
   * nothing. Batches that are not there any more are passed over; the newest one of a partition is never taken away.
   */
  ReplaceBatches: { readonly partitionId: number; readonly batches: ReadonlyArray<Replacement> }
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
  /** One member of a group, for kinds that keep them apart: who changes is stored, and not the whole group. */
  PutGroupMember: { readonly groupId: string; readonly memberId: string; readonly value: string }
  /** Null: every member of the group. */
  DeleteGroupMember: { readonly groupId: string; readonly memberId: string | null }
  /** A group with all its members and offsets. */
  DeleteGroup: { readonly groupId: string }
  /** The next producer id that was given to nobody. */
  PutNextProducerId: { readonly next: bigint }
  /** The partition's end has leapt over what a failover may have lost (`ClusterState.failoverEpoch`). */
  PutFailoverEpoch: { readonly partitionId: number; readonly epoch: number }
}>
export const Write = Data.taggedEnum<Write>()

/** What takes the place of the batch at `baseOffset`: null for nothing. */
export interface Replacement {
  readonly baseOffset: bigint
  readonly records: Uint8Array | null
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

export type Append = Extract<Write, { readonly _tag: "Append" }>

/** Writes that stand or fall together. */
export type Unit = ReadonlyArray<Write>

/** Whether nothing in a commit has to be on disk when it returns: relaxed appends, and what only goes with them. */
export const isRelaxed = (units: ReadonlyArray<Unit>): boolean => {
  let relaxed = false
  for (const unit of units) {
    for (const write of unit) {
      if (write._tag === "Append" && write.relaxed === true) relaxed = true
      else if (write._tag !== "PutLeaderEpoch" && write._tag !== "PutProducerSnapshot") return false
    }
  }
  return relaxed
}

export interface StoredTopic {
  /** Kafka's text form, 22 characters. */
  readonly topicId: string
  readonly name: string
  /** Partition ids by index. */
  readonly partitionIds: ReadonlyArray<number>
}

export interface StoredConfig {
  readonly resourceType: number
  readonly resourceName: string
  readonly name: string
  readonly value: string
}

/**
 * What this process has told its clients. A take-over gives no counter below it, whatever the server says it has stored
 * (`../../../../docs/durability.md`, failover).
 */
export interface Told {
  /** 0 before the first take-over. */
  readonly epoch: number
  readonly nextProducerId: bigint
  readonly nextPartitionId: number
}

/** A server of the backend and its history: a promoted standby goes on with another timeline. */
export interface ServerIdentity {
  readonly systemIdentifier: string
  readonly timeline: string
}

/** What the active broker knows before it serves: everything but logs, offsets and groups. */
export interface ClusterState {
  /** Kafka's text form, 22 characters; made once with the schema. */
  readonly clusterId: string
  /** Raised at each take-over; the leader epoch of every partition. */
  readonly epoch: number
  /**
   * The epoch of the last take-over that found another server or timeline than the one before it, 0 for none. What was
   * acknowledged before it may be lost: the end of a partition whose own `failoverEpoch` is lower leaps when it is loaded.
   */
  readonly failoverEpoch: number
  /** Whether this take-over is such a one: from where to where. */
  readonly failover: { readonly from: ServerIdentity; readonly to: ServerIdentity } | undefined
  /**
   * Whether the commit whose outcome was unknown is stored: looked up under the lock. Undefined: there was none, or it
   * cannot be told any more, as another broker wrote since.
   */
  readonly unknownCommitStored: boolean | undefined
  readonly nextProducerId: bigint
  /** Greater than every partition id in use or orphaned. */
  readonly nextPartitionId: number
  readonly topics: ReadonlyArray<StoredTopic>
  readonly configs: ReadonlyArray<StoredConfig>
  /** Partitions of deleted topics whose batches are still to be deleted. */
  readonly orphans: ReadonlyArray<number>
}

/** A batch without its bytes, as producer state is rebuilt from it. */
export interface StoredBatchHead {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** What is known of a stored batch without reading it. */
export interface StoredBatchSize {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: bigint
  readonly timestampHigh: bigint
  readonly cumulativeBytes: bigint
  readonly bytes: number
}

export interface StoredPartition {
  readonly partitionId: number
  /** The last failover over which its end has leapt. */
  readonly failoverEpoch: number
  readonly logStartOffset: bigint
  /** Last offset + 1: the next offset to give. */
  readonly endOffset: bigint
  readonly timestampHigh: bigint
  readonly cumulativeBytes: bigint
  /** Bytes of the batches that are there; undefined where batch by batch has to be looked at (`Store.sizeOf`). */
  readonly sizeBytes: bigint | undefined
  readonly leaderEpochs: ReadonlyArray<{ readonly epoch: number; readonly startOffset: bigint }>
  /** Null for a partition that was never compacted. */
  readonly compaction: StoredCompaction | null
  readonly producerSnapshot: { readonly endOffset: bigint; readonly value: Uint8Array } | null
  /** Batches of idempotent producers from the snapshot's end (or the log's start) on, in order of offset. */
  readonly producerBatches: ReadonlyArray<StoredBatchHead>
}

/** A partition's bytes as of one moment. */
export interface StoredSize {
  readonly cumulativeBytes: bigint
  /** Bytes of the batches that are there. */
  readonly sizeBytes: bigint
}

export interface StoredOffset {
  readonly groupId: string
  readonly partitionId: number
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string | null
  readonly commitTimestamp: bigint
  readonly expireTimestamp: bigint
}

export interface StoredGroupMember {
  readonly memberId: string
  readonly value: string
}

export interface StoredGroup {
  readonly groupId: string
  readonly kind: string
  readonly value: string
  /** Absent where none are stored apart. */
  readonly members?: ReadonlyArray<StoredGroupMember>
}

/**
 * THE PORT: what a backend implements. Everything above (offsets, sequences, tail, group commit, waiting, expiry) is
 * written once over it. Reads see every acknowledged commit, and fail while this is not the cluster's writer.
 * `storeSuite` states what each member has to do.
 */
export class Store extends Context.Service<
  Store,
  BatchReader & {
    /** Name for people: "postgres", "memory". */
    readonly name: string
    /**
     * Becomes the cluster's one writer and loads its state; raises the epoch and, after a failover, every counter
     * (`counters.ts`), never below `told`. Called again after `Fenced`, `OutcomeUnknown` or `StoreUnavailable`, when it
     * first ends what is left of the old session, so that whatever that session sent has happened or never will; then
     * tells whether the commit of unknown outcome is stored. The lock is given back when the scope closes.
     */
    readonly acquire: (told: Told) => Effect.Effect<ClusterState, AcquireError, Scope.Scope>
    /** Returns when the session that holds the lock is known to be gone; never while there is none. */
    readonly lost: Effect.Effect<Fenced>
    /**
     * All units or none, in order; durable when it returns, but for one of relaxed appends alone (`isRelaxed`), which is
     * so a moment later. One at a time. May take as long as a synchronous standby is away.
     */
    readonly commit: (units: ReadonlyArray<Unit>) => Effect.Effect<void, StoreError>
    /** Asks, beside what the session that holds the lock is doing, whether it still holds it. */
    readonly ping: Effect.Effect<void, StoreError>
    /**
     * A write that leaves nothing, beside what the session that holds the lock is doing: when it returns, this server was
     * the writer's after it was asked. As slow as a commit. One at a time.
     */
    readonly heartbeat: Effect.Effect<void, StoreError>
    /** The ends of partitions, in order of ids. */
    readonly loadPartitions: (
      partitionIds: ReadonlyArray<number>
    ) => Effect.Effect<ReadonlyArray<StoredPartition>, StoreError>
    /** Takes as long as the partition has batches where it is compacted. Undefined: there is no such partition. */
    readonly sizeOf: (partitionId: number) => Effect.Effect<StoredSize | undefined, StoreError>
    /** The first batch at or above the log start whose `timestampHigh` is at least `timestamp`, in O(log n). */
    readonly findByTimestamp: (
      partitionId: number,
      timestamp: bigint
    ) => Effect.Effect<Uint8Array | undefined, StoreError>
    /** At most `limit` batches from the first one on that ends at or above `from`, without their bytes. */
    readonly sizes: (
      partitionId: number,
      from: bigint,
      limit: number
    ) => Effect.Effect<ReadonlyArray<StoredBatchSize>, StoreError>
    readonly loadOffsets: Effect.Effect<ReadonlyArray<StoredOffset>, StoreError>
    readonly loadGroups: Effect.Effect<ReadonlyArray<StoredGroup>, StoreError>
  }
>()("@tusk/storage/port/Store") {}
