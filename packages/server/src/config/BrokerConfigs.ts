import type { ConfigDefinition } from "./ConfigDefinition.ts"
import { kafkaBrokerConfigs } from "./KafkaBrokerConfigs.ts"
import type { KafkaBrokerConfigName } from "./KafkaBrokerConfigs.ts"
import { allSettings } from "./SettingDefinitions.ts"
import type { SettingName } from "./SettingDefinitions.ts"
import { allTopicConfigs } from "./TopicConfigDefinitions.ts"
import type { TopicDefaultName } from "./TopicConfigDefinitions.ts"

/** Every name that a broker's config has. */
export type BrokerConfigName = SettingName | TopicDefaultName | KafkaBrokerConfigName

/** A config of brokers. */
export interface BrokerConfig extends ConfigDefinition {
  /** It means nothing here: it is neither a setting nor a default of topics. */
  readonly idle: boolean
}

const OF_KAFKA = "A config of Apache Kafka's that has no effect on Tusk."

const make = (): ReadonlyMap<string, BrokerConfig> => {
  const configs = new Map<string, BrokerConfig>()
  for (const [name, type, defaultValue, dynamic] of kafkaBrokerConfigs) {
    configs.set(name, { name, type, defaultValue, dynamic, documentation: OF_KAFKA, idle: true })
  }
  for (const { synonyms } of allTopicConfigs) {
    for (const { defaultValue, dynamic, name, type } of synonyms) {
      configs.set(name, { name, type, defaultValue, dynamic, documentation: OF_KAFKA, idle: false })
    }
  }
  for (const setting of allSettings) configs.set(setting.name, { ...setting, idle: false })
  const own = allSettings.filter(({ name }) => name.startsWith("tusk.")).map(({ name }) => configs.get(name)!)
  const others = Array.from(configs.values()).filter((config) => !own.includes(config))
  others.sort((a, b) => (a.name < b.name ? -1 : 1))
  return new Map([...others, ...own].map((config) => [config.name, config]))
}

let made: ReadonlyMap<string, BrokerConfig> | undefined

/** Kafka's in order of names, Tusk's own after them; made when first asked for. */
export const brokerConfigs = (): ReadonlyMap<string, BrokerConfig> => (made ??= make())
