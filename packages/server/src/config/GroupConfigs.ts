import type { GroupResourceConfig } from "@tusk/coordinator/group/machine/GroupConfigs"
import { InvalidConfig } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { notLonger, settingName, tooGreat, tooSmall } from "./checkGroupSettings.ts"
import { checkValue } from "./ConfigDefinition.ts"
import type { BrokerOverrides, Overrides } from "./ConfigValues.ts"
import { allGroupConfigs, groupConfigDefinitions, sessionsAndHeartbeats } from "./GroupConfigDefinitions.ts"
import type { GroupConfigDefinition, GroupConfigValues } from "./GroupConfigDefinitions.ts"
import type { SettingValues } from "./SettingDefinitions.ts"

const byName: ReadonlyMap<string, GroupConfigDefinition> = new Map(
  allGroupConfigs.map((definition) => [definition.name, definition])
)

/** Undefined: groups have no config of that name. */
export const groupConfigDefinition = (name: string): GroupConfigDefinition | undefined => byName.get(name)

const invalid = (message: string): KafkaError => new InvalidConfig({ message })
export const unknownGroupConfig = (name: string): KafkaError => invalid(`Unknown group config name: ${name}`)

/** What is wrong with these as all the configs of one group; undefined if nothing is. */
export const validateGroupConfigs = (
  overrides: Overrides,
  settings: SettingValues,
  brokers: BrokerOverrides
): KafkaError | undefined => {
  for (const [name, value] of overrides) {
    const definition = byName.get(name)
    if (definition === undefined) return unknownGroupConfig(name)
    const wrong = checkValue(definition, value)
    if (wrong !== undefined) return invalid(wrong)
    const { greatest, least } = definition
    if (least !== undefined && Number(value) < settings[least]) return invalid(tooSmall(name, settingName(least)))
    if (greatest !== undefined && Number(value) > settings[greatest])
      return invalid(tooGreat(name, settingName(greatest)))
  }
  for (const [session, heartbeat] of sessionsAndHeartbeats) {
    const [longer, shorter] = [session, heartbeat].map((each) => effectiveNumber(each, overrides, settings, brokers))
    if (longer! <= shorter!) return invalid(notLonger(session.name, heartbeat.name))
  }
  return undefined
}

type Bounded = Pick<GroupConfigDefinition, "name" | "least" | "greatest"> &
  Required<Pick<GroupConfigDefinition, "setting">>

/** Of a config that is a number. A group's own value is held within bounds that may have changed since it was set. */
const effectiveNumber = (
  { greatest, least, name, setting }: Bounded,
  overrides: Overrides,
  settings: SettingValues,
  brokers: BrokerOverrides
): number => {
  const own = overrides.get(name)
  if (own === undefined) {
    const broker = settingName(setting)
    return Number(brokers.broker.get(broker) ?? brokers.cluster.get(broker) ?? settings[setting])
  }
  const above = least === undefined ? Number(own) : Math.max(Number(own), settings[least])
  return greatest === undefined ? above : Math.min(above, settings[greatest])
}

/** A group's configs as its coordinator goes by them. */
export const groupConfig = (
  overrides: Overrides,
  settings: SettingValues,
  brokers: BrokerOverrides
): GroupResourceConfig => {
  const values = Object.fromEntries(
    Object.entries(groupConfigDefinitions).map(([key, definition]) => [
      key,
      "setting" in definition
        ? effectiveNumber(definition, overrides, settings, brokers)
        : definition.read((overrides.get(definition.name) ?? definition.defaultValue).trim())
    ])
  ) as unknown as GroupConfigValues
  return {
    ...values,
    consumerMaxSize: settings.groupConsumerMaxSize,
    consumerAssignors: settings.groupConsumerAssignors,
    consumerMigrationPolicy: settings.groupConsumerMigrationPolicy,
    consumerRegexRefreshIntervalMs: settings.groupConsumerRegexRefreshIntervalMs,
    shareMaxSize: settings.groupShareMaxSize,
    shareMaxShareSessions: settings.groupShareMaxShareSessions,
    streamsMaxSize: settings.groupStreamsMaxSize,
    streamsMaxStandbyReplicas: settings.groupStreamsMaxStandbyReplicas,
    rebalanceProtocols: settings.groupCoordinatorRebalanceProtocols
  }
}
