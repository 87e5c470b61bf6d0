import { defaultGroupResourceConfig as defaults } from "@tusk/coordinator/group/machine/GroupConfigs"
import { number, word, words } from "./SettingKinds.ts"

const MAX_INT = 2 ** 31 - 1

const int = <const Name extends string>(
  name: Name,
  defaultValue: number,
  min: number,
  documentation: string,
  max: number = MAX_INT
) => number(name, "INT", defaultValue, { min, max }, documentation)

/** Kafka takes a change of it while it runs. */
const dynamic = <const Name extends string>(name: Name, defaultValue: number, min: number, documentation: string) =>
  number(name, "INT", defaultValue, { min, max: MAX_INT, dynamic: true }, documentation)

/**
 * Settings of consumer, share and streams groups; most are defaults and bounds of a group's own configs. What coordinators
 * act on takes its default from there.
 */
export const groupSettingDefinitions = {
  groupCoordinatorRebalanceProtocols: words(
    "group.coordinator.rebalance.protocols",
    defaults.rebalanceProtocols,
    ["consumer", "classic", "share", "streams"],
    "Protocols that groups may use; classic is always among them. Share groups need not be named."
  ),

  groupConsumerSessionTimeoutMs: int(
    "group.consumer.session.timeout.ms",
    defaults.consumerSessionTimeoutMs,
    1,
    "A consumer group's member that is not heard of for so long is out."
  ),
  groupConsumerMinSessionTimeoutMs: int(
    "group.consumer.min.session.timeout.ms",
    45_000,
    1,
    "Least consumer.session.timeout.ms of a group."
  ),
  groupConsumerMaxSessionTimeoutMs: int(
    "group.consumer.max.session.timeout.ms",
    60_000,
    1,
    "Greatest consumer.session.timeout.ms of a group."
  ),
  groupConsumerHeartbeatIntervalMs: int(
    "group.consumer.heartbeat.interval.ms",
    defaults.consumerHeartbeatIntervalMs,
    1,
    "How often a consumer group's members are told to heartbeat."
  ),
  groupConsumerMinHeartbeatIntervalMs: int(
    "group.consumer.min.heartbeat.interval.ms",
    5000,
    1,
    "Least consumer.heartbeat.interval.ms of a group."
  ),
  groupConsumerMaxHeartbeatIntervalMs: int(
    "group.consumer.max.heartbeat.interval.ms",
    15_000,
    1,
    "Greatest consumer.heartbeat.interval.ms of a group."
  ),
  groupConsumerAssignmentIntervalMs: dynamic(
    "group.consumer.assignment.interval.ms",
    defaults.consumerAssignmentIntervalMs,
    0,
    "Least time from one assignment of a consumer group to the next."
  ),
  groupConsumerMinAssignmentIntervalMs: int(
    "group.consumer.min.assignment.interval.ms",
    0,
    0,
    "Least consumer.assignment.interval.ms of a group."
  ),
  groupConsumerMaxAssignmentIntervalMs: int(
    "group.consumer.max.assignment.interval.ms",
    15_000,
    0,
    "Greatest consumer.assignment.interval.ms of a group."
  ),
  groupConsumerMaxSize: int(
    "group.consumer.max.size",
    defaults.consumerMaxSize,
    1,
    "Members of one consumer group. Kafka sets no limit."
  ),
  groupConsumerAssignors: words(
    "group.consumer.assignors",
    defaults.consumerAssignors,
    ["uniform", "range"],
    "Server-side assignors of consumer groups, the default first. Classes of one's own are Java's, not Tusk's."
  ),
  groupConsumerMigrationPolicy: word(
    "group.consumer.migration.policy",
    defaults.consumerMigrationPolicy,
    ["disabled", "downgrade", "upgrade", "bidirectional"],
    "Which way a group may pass, while it runs, between the classic and the consumer protocol."
  ),
  groupConsumerRegexRefreshIntervalMs: int(
    "group.consumer.regex.refresh.interval.ms",
    defaults.consumerRegexRefreshIntervalMs,
    10_000,
    "How long the topics that a subscribed regular expression matched may be out of date."
  ),

  groupShareSessionTimeoutMs: int(
    "group.share.session.timeout.ms",
    defaults.shareSessionTimeoutMs,
    1,
    "A share group's member that is not heard of for so long is out."
  ),
  groupShareMinSessionTimeoutMs: int(
    "group.share.min.session.timeout.ms",
    45_000,
    1,
    "Least share.session.timeout.ms of a group."
  ),
  groupShareMaxSessionTimeoutMs: int(
    "group.share.max.session.timeout.ms",
    60_000,
    1,
    "Greatest share.session.timeout.ms of a group."
  ),
  groupShareHeartbeatIntervalMs: int(
    "group.share.heartbeat.interval.ms",
    defaults.shareHeartbeatIntervalMs,
    1,
    "How often a share group's members are told to heartbeat."
  ),
  groupShareMinHeartbeatIntervalMs: int(
    "group.share.min.heartbeat.interval.ms",
    5000,
    1,
    "Least share.heartbeat.interval.ms of a group."
  ),
  groupShareMaxHeartbeatIntervalMs: int(
    "group.share.max.heartbeat.interval.ms",
    15_000,
    1,
    "Greatest share.heartbeat.interval.ms of a group."
  ),
  groupShareAssignmentIntervalMs: dynamic(
    "group.share.assignment.interval.ms",
    defaults.shareAssignmentIntervalMs,
    0,
    "Least time from one assignment of a share group to the next."
  ),
  groupShareMinAssignmentIntervalMs: int(
    "group.share.min.assignment.interval.ms",
    0,
    0,
    "Least share.assignment.interval.ms of a group."
  ),
  groupShareMaxAssignmentIntervalMs: int(
    "group.share.max.assignment.interval.ms",
    15_000,
    0,
    "Greatest share.assignment.interval.ms of a group."
  ),
  groupShareRecordLockDurationMs: int(
    "group.share.record.lock.duration.ms",
    defaults.shareRecordLockDurationMs,
    1000,
    "How long a record delivered to a share group is its consumer's alone.",
    3_600_000
  ),
  groupShareMinRecordLockDurationMs: int(
    "group.share.min.record.lock.duration.ms",
    15_000,
    1000,
    "Least share.record.lock.duration.ms of a group.",
    30_000
  ),
  groupShareMaxRecordLockDurationMs: int(
    "group.share.max.record.lock.duration.ms",
    60_000,
    30_000,
    "Greatest share.record.lock.duration.ms of a group.",
    3_600_000
  ),
  groupShareDeliveryCountLimit: int(
    "group.share.delivery.count.limit",
    defaults.shareDeliveryCountLimit,
    2,
    "How often a record is delivered to a share group before it is given up.",
    10
  ),
  groupShareMinDeliveryCountLimit: int(
    "group.share.min.delivery.count.limit",
    2,
    2,
    "Least share.delivery.count.limit of a group.",
    5
  ),
  groupShareMaxDeliveryCountLimit: int(
    "group.share.max.delivery.count.limit",
    10,
    5,
    "Greatest share.delivery.count.limit of a group.",
    25
  ),
  groupSharePartitionMaxRecordLocks: int(
    "group.share.partition.max.record.locks",
    defaults.sharePartitionMaxRecordLocks,
    100,
    "Records of one partition in flight to a share group.",
    10_000
  ),
  groupShareMinPartitionMaxRecordLocks: int(
    "group.share.min.partition.max.record.locks",
    100,
    100,
    "Least share.partition.max.record.locks of a group.",
    2000
  ),
  groupShareMaxPartitionMaxRecordLocks: int(
    "group.share.max.partition.max.record.locks",
    4000,
    2000,
    "Greatest share.partition.max.record.locks of a group.",
    10_000
  ),
  groupShareMaxSize: int("group.share.max.size", defaults.shareMaxSize, 1, "Members of one share group.", 1000),
  groupShareMaxShareSessions: int(
    "group.share.max.share.sessions",
    defaults.shareMaxShareSessions,
    1,
    "Share sessions kept at a time."
  ),

  groupStreamsSessionTimeoutMs: int(
    "group.streams.session.timeout.ms",
    defaults.streamsSessionTimeoutMs,
    1,
    "A streams group's member that is not heard of for so long is out."
  ),
  groupStreamsMinSessionTimeoutMs: int(
    "group.streams.min.session.timeout.ms",
    45_000,
    1,
    "Least streams.session.timeout.ms of a group."
  ),
  groupStreamsMaxSessionTimeoutMs: int(
    "group.streams.max.session.timeout.ms",
    60_000,
    1,
    "Greatest streams.session.timeout.ms of a group."
  ),
  groupStreamsHeartbeatIntervalMs: int(
    "group.streams.heartbeat.interval.ms",
    defaults.streamsHeartbeatIntervalMs,
    1,
    "How often a streams group's members are told to heartbeat."
  ),
  groupStreamsMinHeartbeatIntervalMs: int(
    "group.streams.min.heartbeat.interval.ms",
    5000,
    1,
    "Least streams.heartbeat.interval.ms of a group."
  ),
  groupStreamsMaxHeartbeatIntervalMs: int(
    "group.streams.max.heartbeat.interval.ms",
    15_000,
    1,
    "Greatest streams.heartbeat.interval.ms of a group."
  ),
  groupStreamsAssignmentIntervalMs: dynamic(
    "group.streams.assignment.interval.ms",
    defaults.streamsAssignmentIntervalMs,
    0,
    "Least time from one assignment of a streams group to the next."
  ),
  groupStreamsMinAssignmentIntervalMs: int(
    "group.streams.min.assignment.interval.ms",
    0,
    0,
    "Least streams.assignment.interval.ms of a group."
  ),
  groupStreamsMaxAssignmentIntervalMs: int(
    "group.streams.max.assignment.interval.ms",
    15_000,
    0,
    "Greatest streams.assignment.interval.ms of a group."
  ),
  groupStreamsNumStandbyReplicas: int(
    "group.streams.num.standby.replicas",
    defaults.streamsNumStandbyReplicas,
    0,
    "Standby replicas of each stateful task."
  ),
  groupStreamsMaxStandbyReplicas: int(
    "group.streams.max.standby.replicas",
    defaults.streamsMaxStandbyReplicas,
    0,
    "Greatest streams.num.standby.replicas of a group."
  ),
  groupStreamsInitialRebalanceDelayMs: int(
    "group.streams.initial.rebalance.delay.ms",
    defaults.streamsInitialRebalanceDelayMs,
    0,
    "How long the first assignment of an empty streams group waits for more members."
  ),
  groupStreamsMaxSize: int(
    "group.streams.max.size",
    defaults.streamsMaxSize,
    1,
    "Members of one streams group. Kafka sets no limit."
  )
}
