import type { CompactionPolicy } from "@tusk/storage/log/compaction/CompactionPlan"
import { InvalidConfig } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CODEC_NAMES, GZIP, UNCOMPRESSED, ZSTD } from "@tusk/protocol/record/Compression"
import { checkValue, flagOf } from "./ConfigDefinition.ts"
import { DEFAULT_SOURCE, givenToBrokers, TOPIC_SOURCE } from "./ConfigValues.ts"
import type { BrokerOverrides, ConfigValue, Given, Overrides } from "./ConfigValues.ts"
import { allTopicConfigs, topicConfigDefinitions } from "./TopicConfigDefinitions.ts"
import type { TopicConfigName, TopicConfigValues } from "./TopicConfigDefinitions.ts"
import type { TopicConfigDefinition } from "./TopicConfigKinds.ts"
import { checkTiers } from "./tiers.ts"

/** A codec by its number in a batch's attributes, and its level if it has one that can be chosen. */
export interface Compression {
  readonly codec: number
  readonly level?: number
}

/** What the broker goes by, of a topic's configs: each as `topicConfigDefinitions` reads it, and what several of them say together. */
export interface TopicConfig extends TopicConfigValues {
  /** `cleanup.policy` holds compact. */
  readonly compacted: boolean
  /** `cleanup.policy` holds delete. */
  readonly deletes: boolean
  /** `compression.type` and the codec's level; undefined for producer: batches are kept as they come. */
  readonly compression: Compression | undefined
  /** How it is compacted, if it is. */
  readonly compaction: CompactionPolicy
}

const byName: ReadonlyMap<string, TopicConfigDefinition> = new Map(
  allTopicConfigs.map((definition) => [definition.name, definition])
)

/** Undefined: topics have no config of that name. */
export const topicConfigDefinition = (name: string): TopicConfigDefinition | undefined => byName.get(name)

export const unknownTopicConfig = (name: string): KafkaError =>
  new InvalidConfig({ message: `Unknown topic config name: ${name}` })

/** Whether these, set on a topic, say that it is imported. */
export const isImported = (overrides: Overrides): boolean => {
  const { name, read } = topicConfigDefinitions.importing
  return read(overrides.get(name) ?? "")
}

/** Configs by which a topic needs an object store: where what they are read as is true. */
const OF_OBJECTS = [topicConfigDefinitions.inObjects]

/** What is wrong with a config for a topic; undefined if nothing is. */
export const validateTopicConfig = (name: string, value: string, hasObjectStore = true): KafkaError | undefined => {
  const definition = byName.get(name)
  if (definition === undefined) return unknownTopicConfig(name)
  const wrong = checkValue(definition, value)
  if (wrong !== undefined) return new InvalidConfig({ message: wrong })
  const needsObjects = !hasObjectStore && OF_OBJECTS.some((each) => each.name === name && each.read(value.trim()))
  return needsObjects
    ? new InvalidConfig({ message: `${name}=${value.trim()} needs an object store: tusk.object.store` })
    : undefined
}

/** What a topic's configs are checked by beside themselves. */
export interface TopicConfigSurroundings {
  readonly settings: Given
  readonly brokers: BrokerOverrides
  /** Whether this broker has an object store, which is where a topic's second tier lies. */
  readonly hasObjectStore: boolean
}

/** What is wrong with these as all the configs of a topic that had those of `former`; undefined if nothing is. */
export const checkTopicConfigs = (
  overrides: Overrides,
  former: Overrides,
  { brokers, hasObjectStore, settings }: TopicConfigSurroundings
): KafkaError | undefined => {
  for (const [name, value] of overrides) {
    const wrong = validateTopicConfig(name, value, hasObjectStore)
    if (wrong !== undefined) return wrong
  }
  const wasTiered = flagOf(former.get(topicConfigDefinitions.tiered.name) ?? "")
  return checkTiers(textsOf(overrides, settings, brokers), wasTiered, hasObjectStore)
}

/** The value that holds for a topic, of each of its configs. */
const textsOf =
  (overrides: Overrides, settings: Given, brokers: BrokerOverrides) =>
  (name: TopicConfigName): string =>
    topicConfigValues(byName.get(name)!, overrides, settings, brokers)[0].value!.trim()

/** What holds for a topic that says nothing. */
export const topicDefaults = (settings: Given, brokers: BrokerOverrides): ((name: TopicConfigName) => string) =>
  textsOf(new Map(), settings, brokers)

/** Every value a config has somewhere, the one that holds first (KIP-226). */
export const topicConfigValues = (
  { defaultValue, name, synonyms }: TopicConfigDefinition,
  overrides: Overrides,
  settings: Given,
  brokers: BrokerOverrides
): readonly [ConfigValue, ...ReadonlyArray<ConfigValue>] => {
  const own = overrides.get(name)
  const values: Array<ConfigValue> = own === undefined ? [] : [{ name, value: own, source: TOPIC_SOURCE }]
  for (const { factor, name } of synonyms) {
    for (const given of givenToBrokers(name, settings, brokers)) {
      values.push({ ...given, value: scaled(given.value, factor) })
    }
  }
  values.push({ name: synonyms[0]?.name ?? name, value: defaultValue, source: DEFAULT_SOURCE })
  return values as [ConfigValue, ...Array<ConfigValue>]
}

const scaled = (value: string, factor: number): string =>
  factor === 1 || Number(value) < 0 ? value : String(BigInt(value.trim()) * BigInt(factor))

const compressionOf = (values: TopicConfigValues): Compression | undefined => {
  const { compressionType } = values
  switch (compressionType) {
    case "producer":
      return undefined
    case "uncompressed":
      return { codec: UNCOMPRESSED }
    case "gzip":
      return { codec: GZIP, level: values.compressionGzipLevel }
    case "zstd":
      return { codec: ZSTD, level: values.compressionZstdLevel }
    default:
      return { codec: CODEC_NAMES.indexOf(compressionType) }
  }
}

/** A topic's configs as the broker goes by them. */
export const topicConfig = (overrides: Overrides, settings: Given, brokers: BrokerOverrides): TopicConfig => {
  const values = Object.fromEntries(
    Object.entries(topicConfigDefinitions).flatMap(([key, definition]) => {
      if (!("read" in definition)) return []
      const [{ value }] = topicConfigValues(definition, overrides, settings, brokers)
      return [[key, definition.read(value!.trim())]]
    })
  ) as TopicConfigValues
  return {
    ...values,
    compacted: values.cleanupPolicy.includes("compact"),
    deletes: values.cleanupPolicy.includes("delete"),
    compression: compressionOf(values),
    compaction: {
      minLagMs: values.minCompactionLagMs,
      maxLagMs: values.maxCompactionLagMs,
      minDirtyRatio: values.minCleanableDirtyRatio,
      deleteRetentionMs: values.deleteRetentionMs,
      segmentMs: values.segmentMs,
      segmentBytes: values.segmentBytes
    }
  }
}
