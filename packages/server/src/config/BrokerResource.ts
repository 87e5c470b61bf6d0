import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidConfig, InvalidRequest } from "@tusk/protocol/KafkaError"
import { BROKER_RESOURCE } from "@tusk/storage/topics/Configs"
import type { Configs } from "@tusk/storage/topics/Configs"
import { brokerConfigs } from "./BrokerConfigs.ts"
import type { BrokerConfig } from "./BrokerConfigs.ts"
import { checkValue } from "./ConfigDefinition.ts"
import { listenerSettingName } from "./ListenerSettingName.ts"
import type { ConfigDefinition } from "./ConfigDefinition.ts"
import { DEFAULT_SOURCE, DYNAMIC_DEFAULT_BROKER_SOURCE, givenToBrokers, STATIC_BROKER_SOURCE } from "./ConfigValues.ts"
import type { BrokerOverrides, ConfigValue, Given, Overrides } from "./ConfigValues.ts"
import { ALL_BROKERS, brokerOverrides } from "./perResource.ts"
import { configEntry, wrongBroker } from "./ResourceKind.ts"
import type { ConfigEntry, ResourceKind } from "./ResourceKind.ts"
import type { Settings } from "./Settings.ts"
import { checkLocalRetention } from "./tiers.ts"
import { topicDefaults } from "./TopicConfigs.ts"

/** It is the object store that makes tiers work, and no setting. */
const TIERS = "remote.log.storage.system.enable"

/** Every value that a broker's config has somewhere, the one that holds first. */
export const brokerValues = (
  { defaultValue, name }: ConfigDefinition,
  settings: Given,
  brokers: BrokerOverrides
): ReadonlyArray<ConfigValue> => [
  ...givenToBrokers(name, settings, brokers),
  { name, value: defaultValue, source: DEFAULT_SOURCE }
]

const unknown = (name: string): KafkaError => new InvalidConfig({ message: `Unknown broker config name: ${name}` })

const definitionOf = (name: string): BrokerConfig | undefined => {
  const known = brokerConfigs().get(name)
  if (known !== undefined) return known
  const ofListener = listenerSettingName(name)?.definition
  // A listener's own is read at the start.
  return ofListener === undefined ? undefined : { ...ofListener, name, dynamic: false }
}

const validate = (name: string, value: string): KafkaError | undefined => {
  const definition = definitionOf(name)
  if (definition === undefined) return unknown(name)
  if (definition.dynamic !== true) {
    return new InvalidRequest({ message: `Cannot update these configs dynamically: ${name}` })
  }
  const wrong = checkValue(definition, value)
  return wrong === undefined ? undefined : new InvalidRequest({ message: wrong })
}

/** This broker under its id, and under "" what holds for all brokers. */
export const brokerResource = (
  configs: Configs["Service"],
  settings: Settings,
  hasObjectStore: boolean
): ResourceKind => {
  const nodeId = String(settings.nodeId)
  const ofListeners = Array.from(settings.given.keys()).flatMap((name) =>
    brokerConfigs().has(name) ? [] : (definitionOf(name) ?? [])
  )

  const describeAll = (): ReadonlyArray<ConfigEntry> =>
    Array.from(configs.of(BROKER_RESOURCE, ALL_BROKERS), ([name, value]) =>
      configEntry(brokerConfigs().get(name)!, [{ name, value, source: DYNAMIC_DEFAULT_BROKER_SOURCE }])
    )

  const tiers: ReadonlyArray<ConfigValue> = [
    ...(hasObjectStore ? [{ name: TIERS, value: "true", source: STATIC_BROKER_SOURCE }] : []),
    { name: TIERS, value: "false", source: DEFAULT_SOURCE }
  ]

  const brokersWith = (resourceName: string, overrides: Overrides): BrokerOverrides => {
    const changed = resourceName === ALL_BROKERS ? { cluster: overrides } : { broker: overrides }
    return { ...brokerOverrides(configs, settings), ...changed }
  }

  return {
    names: () => [nodeId],
    describe: (resourceName) => {
      if (resourceName === ALL_BROKERS) return describeAll()
      if (resourceName !== nodeId) return wrongBroker(resourceName, `${nodeId} or empty string,`)
      const brokers = brokerOverrides(configs, settings)
      return [...brokerConfigs().values(), ...ofListeners].map((definition) =>
        configEntry(
          definition,
          definition.name === TIERS ? tiers : brokerValues(definition, settings, brokers),
          definition.dynamic !== true
        )
      )
    },
    changes: {
      misplaced: (resourceName) =>
        resourceName === ALL_BROKERS || resourceName === nodeId
          ? undefined
          : new InvalidRequest({ message: `Unexpected broker id ${resourceName}: this is broker ${nodeId}` }),
      check: (overrides, _, resourceName) => {
        for (const [name, value] of overrides) {
          const wrong = validate(name, value)
          if (wrong !== undefined) return wrong
        }
        const wrong = checkLocalRetention(topicDefaults(settings, brokersWith(resourceName, overrides)))
        return wrong === undefined ? undefined : new InvalidRequest({ message: wrong })
      },
      alterContext: (resourceName, overrides) => {
        const brokers = brokersWith(resourceName, overrides)
        return {
          definition: definitionOf,
          unknown,
          current: (name) => brokerValues(definitionOf(name)!, settings, brokers)[0]!.value
        }
      }
    }
  }
}
