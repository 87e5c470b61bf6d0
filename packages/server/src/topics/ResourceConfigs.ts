import { groupIdError } from "@tusk/coordinator/group/machine/Ids"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidConfig, InvalidRequest, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import {
  BROKER_RESOURCE,
  Configs,
  GROUP_RESOURCE,
  LOGGER_RESOURCE,
  METRICS_RESOURCE,
  TOPIC_RESOURCE
} from "@tusk/storage/topics/Configs"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { applyIncremental } from "../config/AlterOps.ts"
import type { AlterContext, AlterOp } from "../config/AlterOps.ts"
import { checkValue, CONFIG_TYPE_IDS } from "../config/ConfigDefinition.ts"
import type { ConfigDefinition } from "../config/ConfigDefinition.ts"
import { GROUP_SOURCE, groupConfigDefinition, validateGroupConfigs } from "../config/GroupConfigs.ts"
import { groupConfigDefinitions } from "../config/GroupConfigDefinitions.ts"
import type { GroupConfigDefinition } from "../config/GroupConfigDefinitions.ts"
import { kafkaBrokerConfigs } from "../config/KafkaBrokerConfigs.ts"
import { groupSettingDefinitions } from "../config/GroupSettingDefinitions.ts"
import { settingDefinitions } from "../config/SettingDefinitions.ts"
import { topicConfigDefinitions } from "../config/TopicConfigDefinitions.ts"
import {
  DEFAULT_SOURCE,
  DYNAMIC_BROKER_SOURCE,
  DYNAMIC_DEFAULT_BROKER_SOURCE,
  STATIC_BROKER_SOURCE,
  TOPIC_SOURCE,
  topicConfigDefinition,
  topicConfigValues,
  validateTopicConfig
} from "../config/TopicConfigs.ts"
import type { BrokerOverrides, ConfigValue, Overrides } from "../config/TopicConfigs.ts"
import { COORDINATOR_TOPIC_CONFIGS, topicByName } from "./CoordinatorTopics.ts"
import { invalidTopicName } from "./TopicNames.ts"

/** The name of the resource whose configs hold for every broker. */
const ALL_BROKERS = ""

/** One config of a resource, with every place that gives it a value, the one that holds first. */
export interface ConfigEntry {
  readonly name: string
  /** Null for a secret. */
  readonly value: string | null
  readonly source: number
  readonly readOnly: boolean
  readonly isSensitive: boolean
  readonly typeId: number
  readonly documentation: string
  readonly synonyms: ReadonlyArray<ConfigValue>
}

/** Configs of topics, brokers and groups: what they are, where they come from, and changes to them. */
export class ResourceConfigs extends Context.Service<
  ResourceConfigs,
  {
    readonly describe: (resourceType: number, resourceName: string) => ReadonlyArray<ConfigEntry> | KafkaError
    /** Names of the resources of a type that can be described: of groups, those that have configs of their own. */
    readonly names: (resourceType: number) => ReadonlyArray<string>
    /** Of a topic with these overrides, be it there or not. */
    readonly ofTopic: (overrides: Overrides) => ReadonlyArray<ConfigEntry>
    /** Changes some configs of a resource (KIP-339). */
    readonly alter: (
      resourceType: number,
      resourceName: string,
      operations: ReadonlyArray<AlterOp>,
      validateOnly: boolean
    ) => Effect.Effect<void, KafkaError>
    /** Makes these all the configs of a resource. */
    readonly replace: (
      resourceType: number,
      resourceName: string,
      configs: ReadonlyArray<{ readonly name: string; readonly value: string | null }>,
      validateOnly: boolean
    ) => Effect.Effect<void, KafkaError>
  }
>()("@tusk/server/topics/ResourceConfigs") {
  static readonly layer = Layer.effect(
    ResourceConfigs,
    Effect.gen(function* () {
      const configs = yield* Configs
      const topics = yield* Topics
      const settings = yield* BrokerSettings

      const brokerOverrides = (): BrokerOverrides => ({
        broker: configs.of(BROKER_RESOURCE, String(settings.nodeId)),
        cluster: configs.of(BROKER_RESOURCE, ALL_BROKERS)
      })

      const ofTopic = (overrides: Overrides): ReadonlyArray<ConfigEntry> => {
        const brokers = brokerOverrides()
        return topicConfigDefinitions.map((definition) =>
          entry(definition, topicConfigValues(definition, overrides, settings, brokers), false)
        )
      }

      const brokerValues = (
        definition: ConfigDefinition,
        { broker, cluster } = brokerOverrides()
      ): ReadonlyArray<ConfigValue> => {
        const { name } = definition
        const values: Array<ConfigValue> = []
        const ofBroker = broker.get(name)
        const ofCluster = cluster.get(name)
        const given = settings.given.get(name)
        if (ofBroker !== undefined) values.push({ name, value: ofBroker, source: DYNAMIC_BROKER_SOURCE })
        if (ofCluster !== undefined) values.push({ name, value: ofCluster, source: DYNAMIC_DEFAULT_BROKER_SOURCE })
        if (given !== undefined) values.push({ name, value: given.value, source: STATIC_BROKER_SOURCE })
        values.push({ name, value: definition.defaultValue, source: DEFAULT_SOURCE })
        return values
      }

      const describeBroker = (resourceName: string): ReadonlyArray<ConfigEntry> | KafkaError => {
        if (resourceName === ALL_BROKERS) {
          return Array.from(configs.of(BROKER_RESOURCE, ALL_BROKERS), ([name, value]) => {
            const definition = brokerConfigs().get(name)!
            return entry(definition, [{ name, value, source: DYNAMIC_DEFAULT_BROKER_SOURCE }], false)
          })
        }
        if (resourceName !== String(settings.nodeId)) {
          return new InvalidRequest({
            message: isInteger(resourceName)
              ? `Unexpected broker id, expected ${settings.nodeId} or empty string, but received ${resourceName}`
              : `Broker id must be an integer, but it is: ${resourceName}`
          })
        }
        return Array.from(brokerConfigs().values(), (definition) =>
          entry(definition, brokerValues(definition), !isDynamic(definition.name))
        )
      }

      const groupValues = (definition: GroupConfigDefinition, overrides: Overrides): ReadonlyArray<ConfigValue> => {
        const { defaultValue, name, setting } = definition
        const own = overrides.get(name)
        return [
          ...(own === undefined ? [] : [{ name, value: own, source: GROUP_SOURCE }]),
          ...(setting === undefined
            ? [{ name, value: defaultValue, source: DEFAULT_SOURCE }]
            : brokerValues(groupSettingDefinitions[setting]))
        ]
      }

      /** There are no loggers whose levels could be told. */
      const describeLoggers = (resourceName: string): ReadonlyArray<ConfigEntry> | KafkaError => {
        if (resourceName === "") return new InvalidRequest({ message: "Broker id must not be empty" })
        if (resourceName === String(settings.nodeId)) return []
        return new InvalidRequest({
          message: isInteger(resourceName)
            ? `Unexpected broker id, expected ${settings.nodeId} but received ${resourceName}`
            : `Broker id must be an integer, but it is: ${resourceName}`
        })
      }

      /** A group need not exist to have configs. */
      const describeGroup = (groupId: string): ReadonlyArray<ConfigEntry> | KafkaError => {
        if (groupId === "") return new InvalidRequest({ message: "Group name must not be empty" })
        const tooLong = groupIdError(groupId, settings.groupIdMaxBytes)
        if (tooLong !== null) return tooLong
        const overrides = configs.of(GROUP_RESOURCE, groupId)
        return groupConfigDefinitions.map((definition) => entry(definition, groupValues(definition, overrides), false))
      }

      const describe = (resourceType: number, resourceName: string): ReadonlyArray<ConfigEntry> | KafkaError => {
        if (resourceType === BROKER_RESOURCE) return describeBroker(resourceName)
        if (resourceType === GROUP_RESOURCE) return describeGroup(resourceName)
        if (resourceType === LOGGER_RESOURCE) return describeLoggers(resourceName)
        if (resourceType === METRICS_RESOURCE) return describeMetrics(resourceName)
        if (resourceType !== TOPIC_RESOURCE) return unsupported(resourceType)
        if (!isStored(resourceName) && topicByName(topics, resourceName) !== undefined) {
          return ofTopic(COORDINATOR_TOPIC_CONFIGS)
        }
        const missing = missingTopic(resourceName, isStored)
        return missing ?? ofTopic(configs.of(TOPIC_RESOURCE, resourceName))
      }

      const missingTopic = (name: string, isThere: (name: string) => boolean): KafkaError | undefined =>
        invalidTopicName(name) ?? (isThere(name) ? undefined : new UnknownTopicOrPartition())
      const isStored = (name: string) => topics.byName(name) !== undefined
      /** In the commit that is being put together, which may delete it. */
      const isAssumed = (name: string) => isStored(name) && topics.assumed(name) !== undefined

      /** What is wrong with naming this resource in a change. */
      const misplaced = (resourceType: number, resourceName: string): KafkaError | undefined => {
        if (resourceType === TOPIC_RESOURCE) return missingTopic(resourceName, isAssumed)
        if (resourceType === GROUP_RESOURCE) {
          return resourceName === ""
            ? new InvalidRequest({ message: "Default group resources are not allowed." })
            : (groupIdError(resourceName, settings.groupIdMaxBytes) ?? undefined)
        }
        if (resourceType !== BROKER_RESOURCE) return unsupported(resourceType)
        return resourceName === ALL_BROKERS || resourceName === String(settings.nodeId)
          ? undefined
          : new InvalidRequest({ message: `Unexpected broker id ${resourceName}: this is broker ${settings.nodeId}` })
      }

      const check = (resourceType: number, overrides: Overrides): KafkaError | undefined => {
        if (resourceType === GROUP_RESOURCE) return validateGroupConfigs(overrides, settings, brokerOverrides())
        for (const [name, value] of overrides) {
          const wrong =
            resourceType === TOPIC_RESOURCE ? validateTopicConfig(name, value) : validateBrokerConfig(name, value)
          if (wrong !== undefined) return wrong
        }
        return undefined
      }

      /** All of a change is decided at once, on the overrides that are there then. */
      const change = (
        resourceType: number,
        resourceName: string,
        validateOnly: boolean,
        changed: (present: Overrides) => Overrides | KafkaError
      ): Effect.Effect<void, KafkaError> => {
        const decide = (present: Overrides): Overrides | KafkaError => {
          const wrong = misplaced(resourceType, resourceName)
          if (wrong !== undefined) return wrong
          const after = changed(present)
          return "_tag" in after ? after : (check(resourceType, after) ?? after)
        }
        if (!validateOnly) return configs.change(resourceType, resourceName, decide)
        return Effect.suspend(() => {
          const after = decide(configs.of(resourceType, resourceName))
          return "_tag" in after ? Effect.fail(after) : Effect.void
        })
      }

      const alterContext = (resourceType: number, resourceName: string, overrides: Overrides): AlterContext => {
        const unknown = (kind: string) => (name: string) =>
          new InvalidConfig({ message: `Unknown ${kind} config name: ${name}` })
        switch (resourceType) {
          case TOPIC_RESOURCE:
            return {
              definition: topicConfigDefinition,
              unknown: unknown("topic"),
              current: (name) =>
                topicConfigValues(topicConfigDefinition(name)!, overrides, settings, brokerOverrides())[0]!.value
            }
          case GROUP_RESOURCE:
            return {
              definition: groupConfigDefinition,
              unknown: unknown("group"),
              current: (name) => groupValues(groupConfigDefinition(name)!, overrides)[0]!.value
            }
          default:
            return {
              definition: (name) => brokerConfigs().get(name),
              unknown: unknown("broker"),
              current: (name) => {
                const own = resourceName === ALL_BROKERS ? { cluster: overrides } : { broker: overrides }
                return brokerValues(brokerConfigs().get(name)!, { ...brokerOverrides(), ...own })[0]!.value
              }
            }
        }
      }

      const names = (resourceType: number): ReadonlyArray<string> => {
        switch (resourceType) {
          case TOPIC_RESOURCE:
            return topics.all().map(({ name }) => name)
          case BROKER_RESOURCE:
            return [String(settings.nodeId)]
          default:
            return configs.names(resourceType)
        }
      }

      return ResourceConfigs.of({
        describe,
        names,
        ofTopic,
        alter: (resourceType, resourceName, operations, validateOnly) =>
          change(resourceType, resourceName, validateOnly, (present) =>
            applyIncremental(present, operations, alterContext(resourceType, resourceName, present))
          ),
        replace: (resourceType, resourceName, wanted, validateOnly) =>
          change(resourceType, resourceName, validateOnly, () => {
            const after = new Map<string, string>()
            for (const { name, value } of wanted) {
              if (value === null) return new InvalidRequest({ message: `Null value not supported for : ${name}` })
              after.set(name, value)
            }
            return after
          })
      })
    })
  )
}

const isInteger = (text: string): boolean => /^-?\d+$/.test(text)

/** Nobody subscribes to clients' metrics: what Apache Kafka tells of a subscription that nobody has made. */
const describeMetrics = (resourceName: string): ReadonlyArray<ConfigEntry> | KafkaError => {
  if (resourceName === "") {
    return new InvalidRequest({ message: "Client metrics subscription name must not be empty" })
  }
  return metricsConfigs
}
const metricsConfig = (name: string, value: string, type: "INT" | "LIST", documentation: string): ConfigEntry => ({
  name,
  value,
  source: DEFAULT_SOURCE,
  readOnly: false,
  isSensitive: false,
  typeId: CONFIG_TYPE_IDS[type],
  documentation,
  synonyms: []
})
const metricsConfigs: ReadonlyArray<ConfigEntry> = [
  metricsConfig("interval.ms", "300000", "INT", "Metrics push interval in milliseconds"),
  metricsConfig("match", "", "LIST", "Client match criteria"),
  metricsConfig("metrics", "", "LIST", "Telemetry metric name prefix list")
]

let allBrokerConfigs: ReadonlyMap<string, ConfigDefinition> | undefined

/** Kafka's broker configs, and Tusk's own in their place or beside them. */
const brokerConfigs = (): ReadonlyMap<string, ConfigDefinition> =>
  (allBrokerConfigs ??= new Map<string, ConfigDefinition>([
    ...kafkaBrokerConfigs(),
    ...Object.values(settingDefinitions).map((definition) => [definition.name, definition] as const)
  ]))

const isDynamic = (name: string): boolean => kafkaBrokerConfigs().get(name)?.dynamic ?? false

const validateBrokerConfig = (name: string, value: string): KafkaError | undefined => {
  const definition = brokerConfigs().get(name)
  if (definition === undefined) return new InvalidConfig({ message: `Unknown broker config name: ${name}` })
  if (!isDynamic(name)) {
    return new InvalidRequest({ message: `Cannot update these configs dynamically: ${name}` })
  }
  const wrong = checkValue(definition, value)
  return wrong === undefined ? undefined : new InvalidRequest({ message: wrong })
}

const unsupported = (resourceType: number): KafkaError =>
  new InvalidRequest({ message: `Configs of resource type ${resourceType} are not kept here.` })

const entry = (definition: ConfigDefinition, values: ReadonlyArray<ConfigValue>, readOnly: boolean): ConfigEntry => {
  const isSensitive = definition.type === "PASSWORD"
  const hide = (value: string | null) => (isSensitive ? null : value)
  const first = values[0]!
  return {
    name: definition.name,
    value: hide(first.value),
    source: first.source,
    readOnly,
    isSensitive,
    typeId: CONFIG_TYPE_IDS[definition.type],
    documentation: definition.documentation,
    synonyms: values.map(({ name, source, value }) => ({ name, source, value: hide(value) }))
  }
}

/** What version 0 of DescribeConfigs calls a default: nobody set it on the resource itself. */
export const isDefaultSource = (source: number, resourceType: number): boolean =>
  resourceType === TOPIC_RESOURCE ? source !== TOPIC_SOURCE : source === DEFAULT_SOURCE
