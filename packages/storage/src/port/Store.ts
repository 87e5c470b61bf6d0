import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AbortedTransaction } from "./AbortedTransaction.ts"
import type { BatchReader } from "./BatchReader.ts"
import type { CommitStore } from "./CommitStore.ts"
import type { Erasures } from "./Erasures.ts"
import type { MergeReads } from "./MergeReads.ts"
import type { MaterialisedTables } from "./MaterialisedTables.ts"
import type { ObjectRows } from "./ObjectRows.ts"
import type { Outbox } from "./Outbox.ts"
import type { Publications } from "./Publications.ts"
import type { RoleLogins } from "./RoleLogins.ts"
import type { ShadowRows } from "./ShadowRows.ts"
import type { StateLoader } from "./StateLoader.ts"
import type { SqlSecurity } from "./SqlSecurity.ts"
import type { StoreError } from "./StoreError.ts"
import type { UnpackedRows } from "./UnpackedRows.ts"

/** What is known of a stored batch without reading it. */
export interface StoredBatchSize {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: bigint
  readonly timestampHigh: bigint
  readonly cumulativeBytes: bigint
  readonly bytes: number
  /** Its bytes lie in an object. */
  readonly inObject: boolean
}

/** A partition's bytes as of one moment. */
export interface StoredSize {
  /** Bytes ever appended. */
  readonly cumulativeBytes: bigint
  /** Bytes of the batches that are there. */
  readonly sizeBytes: bigint
}

/** Batches as they are stored, and what is known of them. */
export interface BatchReads extends BatchReader {
  /** If the partition is compacted, takes longer the more batches it has. Undefined: there is no such partition. */
  readonly sizeOf: (partitionId: number) => Effect.Effect<StoredSize | undefined, StoreError>
  /** The first batch at or above the log start with a `timestampHigh` of at least `timestamp`, in O(log n). */
  readonly findByTimestamp: (
    partitionId: number,
    timestamp: bigint
  ) => Effect.Effect<Uint8Array | undefined, StoreError>
  /**
   * Aborted transactions of which a record may lie at or above `from` and below `to`. Costs what ended in that range, and
   * not what ended since.
   */
  readonly abortedTransactions: (
    partitionId: number,
    from: bigint,
    to: bigint
  ) => Effect.Effect<ReadonlyArray<AbortedTransaction>, StoreError>
  /** Objects and what lies in them, for whoever moves it. */
  readonly merges: MergeReads
  /** At most `limit` batches from the first one on that ends at or above `from`, without their bytes. */
  readonly sizes: (
    partitionId: number,
    from: bigint,
    limit: number
  ) => Effect.Effect<ReadonlyArray<StoredBatchSize>, StoreError>
}

/**
 * THE PORT: what a backend implements. Everything above (offsets, sequences, tail, group commit, waiting, expiry) is
 * written once over it. Reads see every acknowledged commit, and fail while this is not the cluster's writer.
 * `storeSuite` states what each member has to do.
 */
export class Store extends Context.Service<Store, CommitStore & BatchReads & StateLoader & SqlSide & ObjectSide>()(
  "@tusk/storage/port/Store"
) {}

/** What a backend keeps beside batches whose bytes lie in objects. */
export interface ObjectSide {
  /** Absent: no object is ever removed. */
  readonly objects?: ObjectRows
}

/** What SQL sessions reach a backend by. */
export interface SqlSide {
  /** Undefined: no SQL reaches this backend. */
  readonly outbox: Outbox | undefined
  /** Records as rows; absent for the same reason. */
  readonly unpacked?: UnpackedRows
  /** Tables that are published as topics; absent for the same reason. */
  readonly publications?: Publications
  /** How far another Kafka follows; absent for the same reason. */
  readonly shadow?: ShadowRows
  /** Keys to be erased; absent for the same reason. */
  readonly erasures?: Erasures
  /** Tables that hold the latest value of each key of a topic; absent for the same reason. */
  readonly materialised?: MaterialisedTables
  /** Rows of security that SQL has changed; absent for the same reason. */
  readonly security?: SqlSecurity
  /** Absent if its server has no users of its own. */
  readonly roles?: RoleLogins
  /** What its server tells of itself, asked beside everything else; absent if there is no server. */
  readonly statistics?: Effect.Effect<ReadonlyArray<Statistic>, StoreError>
}

/** A number that a backend's server tells of itself. */
export interface Statistic {
  /** What is counted: `table_bytes`. */
  readonly kind: string
  /** Of which table; "" for all of it. */
  readonly name: string
  readonly value: number
}
