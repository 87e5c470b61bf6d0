import type {
  ConsumerMigrationPolicy,
  GroupResourceConfig,
  ShareAutoOffsetReset
} from "@tusk/coordinator/group/machine/GroupConfigs"
import { InvalidConfig } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { Settings } from "./Settings.ts"
import { checkValue } from "./ConfigDefinition.ts"
import { groupConfigDefinitions } from "./GroupConfigDefinitions.ts"
import type { GroupConfigDefinition } from "./GroupConfigDefinitions.ts"
import { groupSettingDefinitions } from "./GroupSettingDefinitions.ts"
import { isoDurationMs } from "./IsoDuration.ts"
import type { BrokerOverrides, Overrides } from "./TopicConfigs.ts"

/** A group's own config, as DescribeConfigs numbers where a value comes from. */
export const GROUP_SOURCE = 8

const definitions: ReadonlyMap<string, GroupConfigDefinition> = new Map(
  groupConfigDefinitions.map((definition) => [definition.name, definition])
)

export const groupConfigDefinition = (name: string): GroupConfigDefinition | undefined => definitions.get(name)

const KINDS = ["Consumer", "Share", "Streams"] as const
const invalid = (message: string): KafkaError => new InvalidConfig({ message })
const tooSmall = (name: string, bound: string) => `${name} must be greater than or equal to ${bound}`
const tooGreat = (name: string, bound: string) => `${name} must be less than or equal to ${bound}`
const settingName = (key: keyof typeof groupSettingDefinitions) => groupSettingDefinitions[key].name

/** What is wrong with these as all the configs of one group; undefined if nothing is. */
export const validateGroupConfigs = (
  overrides: Overrides,
  settings: Settings,
  brokers: BrokerOverrides
): KafkaError | undefined => {
  for (const [name, value] of overrides) {
    const definition = definitions.get(name)
    if (definition === undefined) return invalid(`Unknown group config name: ${name}`)
    const wrong = checkValue(definition, value)
    if (wrong !== undefined) return invalid(wrong)
    const { greatest, least } = definition
    if (least !== undefined && Number(value) < settings[least]) return invalid(tooSmall(name, settingName(least)))
    if (greatest !== undefined && Number(value) > settings[greatest])
      return invalid(tooGreat(name, settingName(greatest)))
  }
  const effective = (name: string) => effectiveNumber(definitions.get(name)!, overrides, settings, brokers)
  for (const kind of KINDS.map((each) => each.toLowerCase())) {
    const [session, heartbeat] = [`${kind}.session.timeout.ms`, `${kind}.heartbeat.interval.ms`]
    if (effective(session) <= effective(heartbeat)) return invalid(`${session} must be greater than ${heartbeat}`)
  }
  return undefined
}

/** What is wrong with the broker's settings for groups, taken together: the first thing found, in one line. */
export const checkGroupSettings = (settings: Settings): string | undefined => {
  for (const { greatest, least, setting } of groupConfigDefinitions) {
    if (setting === undefined) continue
    const value = settings[setting]
    if (least !== undefined && greatest !== undefined && settings[greatest] < settings[least])
      return tooSmall(settingName(greatest), settingName(least))
    if (least !== undefined && value < settings[least]) return tooSmall(settingName(setting), settingName(least))
    if (greatest !== undefined && value > settings[greatest])
      return tooGreat(settingName(setting), settingName(greatest))
  }
  for (const kind of KINDS) {
    const [session, heartbeat] = [`group${kind}SessionTimeoutMs`, `group${kind}HeartbeatIntervalMs`] as const
    if (settings[session] <= settings[heartbeat])
      return `${settingName(session)} must be greater than ${settingName(heartbeat)}`
  }
  if (!settings.groupCoordinatorRebalanceProtocols.includes("classic"))
    return "group.coordinator.rebalance.protocols must hold classic"
  if (settings.groupConsumerAssignors.length === 0) return "group.consumer.assignors must name one"
  return undefined
}

/** Of a config that is a number. A group's own value is held within bounds that may have changed since it was set. */
const effectiveNumber = (
  { greatest, least, name, setting }: GroupConfigDefinition,
  overrides: Overrides,
  settings: Settings,
  brokers: BrokerOverrides
): number => {
  const own = overrides.get(name)
  if (own === undefined) {
    const broker = settingName(setting!)
    return Number(brokers.broker.get(broker) ?? brokers.cluster.get(broker) ?? settings[setting!])
  }
  const above = least === undefined ? Number(own) : Math.max(Number(own), settings[least])
  return greatest === undefined ? above : Math.min(above, settings[greatest])
}

const autoOffsetReset = (text: string): ShareAutoOffsetReset => {
  if (text === "earliest" || text === "latest") return text
  return { byDurationMs: isoDurationMs(text.slice(text.indexOf(":") + 1)) ?? 0 }
}

/** A group's configs as its coordinator goes by them. */
export const groupConfig = (
  overrides: Overrides,
  settings: Settings,
  brokers: BrokerOverrides
): GroupResourceConfig => {
  const number = (name: string) => effectiveNumber(definitions.get(name)!, overrides, settings, brokers)
  const text = (name: string) => (overrides.get(name) ?? definitions.get(name)!.defaultValue!).trim()
  return {
    consumerSessionTimeoutMs: number("consumer.session.timeout.ms"),
    consumerHeartbeatIntervalMs: number("consumer.heartbeat.interval.ms"),
    consumerAssignmentIntervalMs: number("consumer.assignment.interval.ms"),
    consumerMaxSize: settings.groupConsumerMaxSize,
    consumerAssignors: settings.groupConsumerAssignors,
    consumerMigrationPolicy: settings.groupConsumerMigrationPolicy as ConsumerMigrationPolicy,
    consumerRegexRefreshIntervalMs: settings.groupConsumerRegexRefreshIntervalMs,
    shareSessionTimeoutMs: number("share.session.timeout.ms"),
    shareHeartbeatIntervalMs: number("share.heartbeat.interval.ms"),
    shareAssignmentIntervalMs: number("share.assignment.interval.ms"),
    shareRecordLockDurationMs: number("share.record.lock.duration.ms"),
    shareDeliveryCountLimit: number("share.delivery.count.limit"),
    sharePartitionMaxRecordLocks: number("share.partition.max.record.locks"),
    shareAutoOffsetReset: autoOffsetReset(text("share.auto.offset.reset")),
    shareIsolationLevel: text("share.isolation.level") === "read_committed" ? "read_committed" : "read_uncommitted",
    shareRenewAcknowledgeEnable: text("share.renew.acknowledge.enable").toLowerCase() === "true",
    shareMaxSize: settings.groupShareMaxSize,
    shareMaxShareSessions: settings.groupShareMaxShareSessions,
    streamsSessionTimeoutMs: number("streams.session.timeout.ms"),
    streamsHeartbeatIntervalMs: number("streams.heartbeat.interval.ms"),
    streamsAssignmentIntervalMs: number("streams.assignment.interval.ms"),
    streamsNumStandbyReplicas: number("streams.num.standby.replicas"),
    streamsInitialRebalanceDelayMs: number("streams.initial.rebalance.delay.ms"),
    streamsMaxSize: settings.groupStreamsMaxSize,
    streamsMaxStandbyReplicas: settings.groupStreamsMaxStandbyReplicas,
    rebalanceProtocols: settings.groupCoordinatorRebalanceProtocols
  }
}
