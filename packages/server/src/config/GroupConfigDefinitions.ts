import type { ConfigDefinition } from "./ConfigDefinition.ts"
import { groupSettingDefinitions } from "./GroupSettingDefinitions.ts"
import { ISO_DURATION } from "./IsoDuration.ts"

type SettingKey = {
  readonly [Key in keyof typeof groupSettingDefinitions]: (typeof groupSettingDefinitions)[Key] extends {
    readonly kind: "number"
  }
    ? Key
    : never
}[keyof typeof groupSettingDefinitions]

/** A config of groups. Those with a `setting` are numbers; the broker's settings bound them when they are set. */
export interface GroupConfigDefinition extends ConfigDefinition {
  /** The broker's setting that holds where the group has none of its own. */
  readonly setting?: SettingKey
  readonly least?: SettingKey
  readonly greatest?: SettingKey
}

/** Default and documentation are those of the broker's setting; `min` is what Kafka refuses whatever the broker says. */
const bounded = (
  name: string,
  setting: SettingKey,
  least: SettingKey | undefined,
  greatest: SettingKey | undefined,
  min: number
): GroupConfigDefinition => ({
  name,
  type: "INT",
  defaultValue: groupSettingDefinitions[setting].defaultValue,
  min,
  documentation: groupSettingDefinitions[setting].documentation,
  setting,
  ...(least === undefined ? {} : { least }),
  ...(greatest === undefined ? {} : { greatest })
})

const timing = (kind: "Consumer" | "Share" | "Streams"): ReadonlyArray<GroupConfigDefinition> =>
  (
    [
      ["session.timeout", "SessionTimeoutMs", 1],
      ["heartbeat.interval", "HeartbeatIntervalMs", 1],
      ["assignment.interval", "AssignmentIntervalMs", 0]
    ] as const
  ).map(([name, part, min]) =>
    bounded(
      `${kind.toLowerCase()}.${name}.ms`,
      `group${kind}${part}`,
      `group${kind}Min${part}`,
      `group${kind}Max${part}`,
      min
    )
  )

/** Every group config of Apache Kafka 4.3.1 (KIP-848, KIP-932, KIP-1071), by name. */
export const groupConfigDefinitions: ReadonlyArray<GroupConfigDefinition> = [
  ...timing("Consumer"),
  ...timing("Share"),
  bounded(
    "share.record.lock.duration.ms",
    "groupShareRecordLockDurationMs",
    "groupShareMinRecordLockDurationMs",
    "groupShareMaxRecordLockDurationMs",
    1000
  ),
  bounded(
    "share.delivery.count.limit",
    "groupShareDeliveryCountLimit",
    "groupShareMinDeliveryCountLimit",
    "groupShareMaxDeliveryCountLimit",
    2
  ),
  bounded(
    "share.partition.max.record.locks",
    "groupSharePartitionMaxRecordLocks",
    "groupShareMinPartitionMaxRecordLocks",
    "groupShareMaxPartitionMaxRecordLocks",
    100
  ),
  {
    name: "share.auto.offset.reset",
    type: "STRING" as const,
    defaultValue: "latest",
    pattern: [
      new RegExp(`^(earliest|latest|by_duration:${ISO_DURATION.source})$`),
      "earliest, latest or by_duration:PnDTnHnMn.nS"
    ] as const,
    documentation: "Where a share group begins in a partition it has no offset of."
  },
  {
    name: "share.isolation.level",
    type: "STRING" as const,
    defaultValue: "read_uncommitted",
    oneOf: ["read_committed", "read_uncommitted"],
    documentation: "Whether a share group is given records of open and aborted transactions."
  },
  {
    name: "share.renew.acknowledge.enable",
    type: "BOOLEAN" as const,
    defaultValue: "true",
    documentation: "Consumers of a share group may renew the lock on a record."
  },
  ...timing("Streams"),
  bounded(
    "streams.num.standby.replicas",
    "groupStreamsNumStandbyReplicas",
    undefined,
    "groupStreamsMaxStandbyReplicas",
    0
  ),
  bounded("streams.initial.rebalance.delay.ms", "groupStreamsInitialRebalanceDelayMs", undefined, undefined, 0)
].sort((a, b) => (a.name < b.name ? -1 : 1))
