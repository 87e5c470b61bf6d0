import * as Context from "effect/Context"

/** The place at which a share group with no offset yet begins: `byDurationMs` is so long before now. */
export type ShareAutoOffsetReset = "earliest" | "latest" | { readonly byDurationMs: number }

/** Which way a group may pass between classic and consumer members (`group.consumer.migration.policy`). */
export type ConsumerMigrationPolicy = "disabled" | "downgrade" | "upgrade" | "bidirectional"

/**
 * What one group goes by: its own configs (resource type 32) over the broker's `group.*`, held within the broker's
 * bounds. Fields without a config of the group's are the broker's alone.
 */
export interface GroupResourceConfig {
  readonly consumerSessionTimeoutMs: number
  readonly consumerHeartbeatIntervalMs: number
  /** Least time from one target assignment to the next; 0: none. */
  readonly consumerAssignmentIntervalMs: number
  /** Broker's; members of one consumer group. */
  readonly consumerMaxSize: number
  /** Broker's; names of server-side assignors, the first is the default. */
  readonly consumerAssignors: ReadonlyArray<string>
  /** Broker's. */
  readonly consumerMigrationPolicy: ConsumerMigrationPolicy
  /** Broker's; how long a regular expression's topics may be out of date. */
  readonly consumerRegexRefreshIntervalMs: number
  readonly shareSessionTimeoutMs: number
  readonly shareHeartbeatIntervalMs: number
  readonly shareAssignmentIntervalMs: number
  readonly shareRecordLockDurationMs: number
  readonly shareDeliveryCountLimit: number
  readonly sharePartitionMaxRecordLocks: number
  readonly shareAutoOffsetReset: ShareAutoOffsetReset
  readonly shareIsolationLevel: "read_committed" | "read_uncommitted"
  readonly shareRenewAcknowledgeEnable: boolean
  /** Broker's; members of one share group. */
  readonly shareMaxSize: number
  /** Broker's; share sessions at a time. */
  readonly shareMaxShareSessions: number
  readonly streamsSessionTimeoutMs: number
  readonly streamsHeartbeatIntervalMs: number
  readonly streamsAssignmentIntervalMs: number
  readonly streamsNumStandbyReplicas: number
  readonly streamsInitialRebalanceDelayMs: number
  /** Broker's; members of one streams group. */
  readonly streamsMaxSize: number
  /** Broker's; what `streamsNumStandbyReplicas` was held to. */
  readonly streamsMaxStandbyReplicas: number
  /** Broker's; rebalance protocols it speaks, of classic, consumer, streams. Share groups are on without being named. */
  readonly rebalanceProtocols: ReadonlyArray<string>
}

/**
 * Apache Kafka 4.3.1's defaults; only sizes have bounds that Kafka does not have. The server's settings and group
 * configs take theirs from here.
 */
export const defaultGroupResourceConfig = {
  consumerSessionTimeoutMs: 45_000,
  consumerHeartbeatIntervalMs: 5000,
  consumerAssignmentIntervalMs: 1000,
  consumerMaxSize: 10_000,
  consumerAssignors: ["uniform", "range"],
  consumerMigrationPolicy: "bidirectional",
  consumerRegexRefreshIntervalMs: 600_000,
  shareSessionTimeoutMs: 45_000,
  shareHeartbeatIntervalMs: 5000,
  shareAssignmentIntervalMs: 1000,
  shareRecordLockDurationMs: 30_000,
  shareDeliveryCountLimit: 5,
  sharePartitionMaxRecordLocks: 2000,
  shareAutoOffsetReset: "latest",
  shareIsolationLevel: "read_uncommitted",
  shareRenewAcknowledgeEnable: true,
  shareMaxSize: 200,
  shareMaxShareSessions: 2000,
  streamsSessionTimeoutMs: 45_000,
  streamsHeartbeatIntervalMs: 5000,
  streamsAssignmentIntervalMs: 1000,
  streamsNumStandbyReplicas: 0,
  streamsInitialRebalanceDelayMs: 3000,
  streamsMaxSize: 10_000,
  streamsMaxStandbyReplicas: 2,
  rebalanceProtocols: ["classic", "consumer", "streams"]
} as const satisfies GroupResourceConfig

/** A group's configs as they are now; cheap, to be asked anew whenever one is needed. */
export const GroupConfigs = Context.Reference<(groupId: string) => GroupResourceConfig>(
  "@tusk/coordinator/group/machine/GroupConfigs",
  { defaultValue: () => () => defaultGroupResourceConfig }
)
