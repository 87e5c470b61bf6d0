import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StoredSecurity } from "./Security.ts"
import type { AcquireError, Fenced, StoreError } from "./StoreError.ts"
import type { Unit } from "./Write.ts"

/** A topic with its partitions. */
export interface StoredTopic {
  /** Kafka's text form, 22 characters. */
  readonly topicId: string
  readonly name: string
  /** Partition ids by index. */
  readonly partitionIds: ReadonlyArray<number>
}

/** A config that was set. */
export interface StoredConfig {
  /** As in the Config APIs: 2 topic, 4 broker, 32 group. */
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
  /** Where the data lies within the server: a dump that is restored there, too, has another place. */
  readonly place: string
}

/** The schema of a backend that has one. */
export interface SchemaState {
  /** The number of its last step. */
  readonly version: number
  /** Steps that this take-over took, in order. */
  readonly taken: ReadonlyArray<string>
}

/** What the active broker knows before it serves: everything but logs, offsets and groups. */
export interface ClusterState extends StoredSecurity {
  /** Kafka's text form, 22 characters; made once with the schema. */
  readonly clusterId: string
  /** Raised at each take-over; the leader epoch of every partition. */
  readonly epoch: number
  /**
   * The epoch of the last take-over that found another server or timeline than the one before it, 0 for none. What was
   * acknowledged before it may be lost: the end of a partition with a lower `failoverEpoch` leaps when it is loaded.
   */
  readonly failoverEpoch: number
  /** On which server the data lies, as far as it ever said so. */
  readonly server: ServerIdentity
  /** Whether this take-over is such a one: from which server to which. */
  readonly failover: { readonly from: ServerIdentity; readonly to: ServerIdentity } | undefined
  /**
   * Whether the commit with the unknown outcome is stored: looked up under the lock. Undefined: there was none, or it
   * cannot be told any more, as another broker wrote since.
   */
  readonly unknownCommitStored: boolean | undefined
  readonly nextProducerId: bigint
  /** Greater than every partition id in use or orphaned. */
  readonly nextPartitionId: number
  /** Greater than the id of every object that is known. */
  readonly nextObjectId: bigint
  readonly topics: ReadonlyArray<StoredTopic>
  readonly configs: ReadonlyArray<StoredConfig>
  /** Partitions of deleted topics with batches that are still to be deleted. */
  readonly orphans: ReadonlyArray<number>
  readonly schema?: SchemaState
}

/** Which broker writes, and the one door by which whatever lasts reaches a backend. */
export interface CommitStore {
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
}
