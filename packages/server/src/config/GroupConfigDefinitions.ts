import { defaultGroupResourceConfig } from "@tusk/coordinator/group/machine/GroupConfigs"
import type { GroupResourceConfig, ShareAutoOffsetReset } from "@tusk/coordinator/group/machine/GroupConfigs"
import { flagOf, numberOf } from "./ConfigDefinition.ts"
import type { TypedConfig } from "./ConfigDefinition.ts"
import { groupSettingDefinitions } from "./GroupSettingDefinitions.ts"
import { ISO_DURATION, isoDurationMs } from "./IsoDuration.ts"

type GroupSettings = typeof groupSettingDefinitions
type NumberKey = {
  readonly [Key in keyof GroupSettings]: ReturnType<GroupSettings[Key]["read"]> extends number ? Key : never
}[keyof GroupSettings]

/** A config of groups. Those with a `setting` are numbers; the broker's settings bound them when they are set. */
export interface GroupConfigDefinition<A = unknown> extends TypedConfig<A> {
  /** The broker's setting that holds if the group has none of its own. */
  readonly setting?: NumberKey
  readonly least?: NumberKey
  readonly greatest?: NumberKey
}

/**
 * Name, default and documentation are those of the broker's setting; so is `min`, which Kafka refuses to go below whatever
 * the broker says.
 */
const bounded = <const Key extends NumberKey>(setting: Key, bounds: { least?: NumberKey; greatest?: NumberKey }) => {
  const { defaultValue, documentation, min, name } = groupSettingDefinitions[setting]
  return {
    name: name.slice("group.".length) as GroupSettings[Key]["name"] extends `group.${infer Name}` ? Name : never,
    type: "INT" as const,
    defaultValue,
    ...(min === undefined ? {} : { min }),
    documentation,
    read: numberOf,
    setting,
    ...bounds
  }
}

const autoOffsetReset = (text: string): ShareAutoOffsetReset => {
  if (text === "earliest" || text === "latest") return text
  return { byDurationMs: isoDurationMs(text.slice(text.indexOf(":") + 1)) ?? 0 }
}

const ISOLATION_LEVELS = ["read_committed", "read_uncommitted"] as const

/** Every group config of Apache Kafka 4.3.1 (KIP-848, KIP-932, KIP-1071) in order of names, by what coordinators call it. */
export const groupConfigDefinitions = {
  consumerAssignmentIntervalMs: bounded("groupConsumerAssignmentIntervalMs", {
    least: "groupConsumerMinAssignmentIntervalMs",
    greatest: "groupConsumerMaxAssignmentIntervalMs"
  }),
  consumerHeartbeatIntervalMs: bounded("groupConsumerHeartbeatIntervalMs", {
    least: "groupConsumerMinHeartbeatIntervalMs",
    greatest: "groupConsumerMaxHeartbeatIntervalMs"
  }),
  consumerSessionTimeoutMs: bounded("groupConsumerSessionTimeoutMs", {
    least: "groupConsumerMinSessionTimeoutMs",
    greatest: "groupConsumerMaxSessionTimeoutMs"
  }),
  shareAssignmentIntervalMs: bounded("groupShareAssignmentIntervalMs", {
    least: "groupShareMinAssignmentIntervalMs",
    greatest: "groupShareMaxAssignmentIntervalMs"
  }),
  shareAutoOffsetReset: {
    name: "share.auto.offset.reset",
    type: "STRING",
    defaultValue: defaultGroupResourceConfig.shareAutoOffsetReset,
    pattern: [
      new RegExp(`^(earliest|latest|by_duration:${ISO_DURATION.source})$`),
      "earliest, latest or by_duration:PnDTnHnMn.nS"
    ],
    documentation: "Where a share group begins in a partition it has no offset of.",
    read: autoOffsetReset
  },
  shareDeliveryCountLimit: bounded("groupShareDeliveryCountLimit", {
    least: "groupShareMinDeliveryCountLimit",
    greatest: "groupShareMaxDeliveryCountLimit"
  }),
  shareHeartbeatIntervalMs: bounded("groupShareHeartbeatIntervalMs", {
    least: "groupShareMinHeartbeatIntervalMs",
    greatest: "groupShareMaxHeartbeatIntervalMs"
  }),
  shareIsolationLevel: {
    name: "share.isolation.level",
    type: "STRING",
    defaultValue: defaultGroupResourceConfig.shareIsolationLevel,
    oneOf: ISOLATION_LEVELS,
    documentation: "Whether a share group is given records of open and aborted transactions.",
    read: (text: string) => text as (typeof ISOLATION_LEVELS)[number]
  },
  sharePartitionMaxRecordLocks: bounded("groupSharePartitionMaxRecordLocks", {
    least: "groupShareMinPartitionMaxRecordLocks",
    greatest: "groupShareMaxPartitionMaxRecordLocks"
  }),
  shareRecordLockDurationMs: bounded("groupShareRecordLockDurationMs", {
    least: "groupShareMinRecordLockDurationMs",
    greatest: "groupShareMaxRecordLockDurationMs"
  }),
  shareRenewAcknowledgeEnable: {
    name: "share.renew.acknowledge.enable",
    type: "BOOLEAN",
    defaultValue: String(defaultGroupResourceConfig.shareRenewAcknowledgeEnable),
    documentation: "Consumers of a share group may renew the lock on a record.",
    read: flagOf
  },
  shareSessionTimeoutMs: bounded("groupShareSessionTimeoutMs", {
    least: "groupShareMinSessionTimeoutMs",
    greatest: "groupShareMaxSessionTimeoutMs"
  }),
  streamsAssignmentIntervalMs: bounded("groupStreamsAssignmentIntervalMs", {
    least: "groupStreamsMinAssignmentIntervalMs",
    greatest: "groupStreamsMaxAssignmentIntervalMs"
  }),
  streamsHeartbeatIntervalMs: bounded("groupStreamsHeartbeatIntervalMs", {
    least: "groupStreamsMinHeartbeatIntervalMs",
    greatest: "groupStreamsMaxHeartbeatIntervalMs"
  }),
  streamsInitialRebalanceDelayMs: bounded("groupStreamsInitialRebalanceDelayMs", {}),
  streamsNumStandbyReplicas: bounded("groupStreamsNumStandbyReplicas", { greatest: "groupStreamsMaxStandbyReplicas" }),
  streamsSessionTimeoutMs: bounded("groupStreamsSessionTimeoutMs", {
    least: "groupStreamsMinSessionTimeoutMs",
    greatest: "groupStreamsMaxSessionTimeoutMs"
  })
} satisfies { readonly [Key in keyof GroupResourceConfig]?: GroupConfigDefinition<GroupResourceConfig[Key]> }

type Definitions = typeof groupConfigDefinitions

/** Every group config as a typed value. */
export type GroupConfigValues = { readonly [Key in keyof Definitions]: ReturnType<Definitions[Key]["read"]> }

/** All of them as a table to walk over. */
export const allGroupConfigs: ReadonlyArray<GroupConfigDefinition> = Object.values(groupConfigDefinitions)

/** A member's session must be longer than what lies between its heartbeats. */
export const sessionsAndHeartbeats = [
  [groupConfigDefinitions.consumerSessionTimeoutMs, groupConfigDefinitions.consumerHeartbeatIntervalMs],
  [groupConfigDefinitions.shareSessionTimeoutMs, groupConfigDefinitions.shareHeartbeatIntervalMs],
  [groupConfigDefinitions.streamsSessionTimeoutMs, groupConfigDefinitions.streamsHeartbeatIntervalMs]
] as const
