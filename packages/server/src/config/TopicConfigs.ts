import type { CompactionPolicy } from "@tusk/storage/log/compaction/CompactionPlan"
import { InvalidConfig } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CODEC_NAMES } from "@tusk/protocol/record/Compression"
import type { CodecName } from "@tusk/protocol/record/Compression"
import type { Settings } from "./Settings.ts"
import { checkValue, listOf, numberOf } from "./ConfigDefinition.ts"
import { topicConfigDefinitions } from "./TopicConfigDefinitions.ts"
import type { TopicConfigDefinition } from "./TopicConfigDefinitions.ts"

export type Overrides = ReadonlyMap<string, string>

/** A codec by its number in a batch's attributes, and its level where it has one that can be chosen. */
export interface Compression {
  readonly codec: number
  readonly level?: number
}

/** What the broker goes by, of a topic's configs. */
export interface TopicConfig {
  readonly maxMessageBytes: number
  readonly messageTimestampType: "CreateTime" | "LogAppendTime"
  readonly messageTimestampBeforeMaxMs: number
  readonly messageTimestampAfterMaxMs: number
  /** `cleanup.policy` holds compact. */
  readonly compacted: boolean
  /** `cleanup.policy` holds delete. */
  readonly deletes: boolean
  /** `compression.type`; undefined for producer: batches are kept as they come. */
  readonly compression: Compression | undefined
  /** `tusk.synchronous.commit` is off: an answer to a producer does not wait for the disk. */
  readonly relaxed: boolean
  /** `tusk.validate.records`: what is inside of batches is looked at. */
  readonly validated: boolean
  /** Negative: for ever. */
  readonly retentionMs: number
  /** Of each partition; negative: no limit. */
  readonly retentionBytes: number
  /** How it is compacted, if it is. */
  readonly compaction: CompactionPolicy
}

/** Where a value comes from, as DescribeConfigs numbers it. */
export const TOPIC_SOURCE = 1
export const DYNAMIC_BROKER_SOURCE = 2
export const DYNAMIC_DEFAULT_BROKER_SOURCE = 3
export const STATIC_BROKER_SOURCE = 4
export const DEFAULT_SOURCE = 5

export interface ConfigValue {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

/** Overrides set on brokers while they run: on this one, and on all. */
export interface BrokerOverrides {
  readonly broker: Overrides
  readonly cluster: Overrides
}

const definitions: ReadonlyMap<string, TopicConfigDefinition> = new Map(
  topicConfigDefinitions.map((definition) => [definition.name, definition])
)

export const topicConfigDefinition = (name: string): TopicConfigDefinition | undefined => definitions.get(name)

/** What is wrong with a config for a topic; undefined if nothing is. */
export const validateTopicConfig = (name: string, value: string): KafkaError | undefined => {
  const definition = definitions.get(name)
  if (definition === undefined) return new InvalidConfig({ message: `Unknown topic config name: ${name}` })
  const wrong = checkValue(definition, value)
  return wrong === undefined ? undefined : new InvalidConfig({ message: wrong })
}

/** Every value a config has somewhere, the one that holds first (KIP-226). */
export const topicConfigValues = (
  definition: TopicConfigDefinition,
  overrides: Overrides,
  settings: Settings,
  brokers: BrokerOverrides
): ReadonlyArray<ConfigValue> => {
  const values: Array<ConfigValue> = []
  const own = overrides.get(definition.name)
  if (own !== undefined) values.push({ name: definition.name, value: own, source: TOPIC_SOURCE })
  const places = [
    [brokers.broker, DYNAMIC_BROKER_SOURCE],
    [brokers.cluster, DYNAMIC_DEFAULT_BROKER_SOURCE]
  ] as const
  for (const { factor, name } of definition.synonyms) {
    for (const [place, source] of places) {
      const value = place.get(name)
      if (value !== undefined) values.push({ name, value: scaled(value, factor), source })
    }
    const given = settings.given.get(name)
    if (given !== undefined) values.push({ name, value: scaled(given.value, factor), source: STATIC_BROKER_SOURCE })
  }
  const [synonym] = definition.synonyms
  values.push({ name: synonym?.name ?? definition.name, value: definition.defaultValue, source: DEFAULT_SOURCE })
  return values
}

const scaled = (value: string, factor: number): string =>
  factor === 1 || Number(value) < 0 ? value : String(BigInt(value.trim()) * BigInt(factor))

const compressionOf = (value: (name: string) => string): Compression | undefined => {
  const type = value("compression.type")
  switch (type) {
    case "producer":
      return undefined
    case "gzip":
    case "zstd":
      return { codec: CODEC_NAMES.indexOf(type), level: Number(value(`compression.${type}.level`)) }
    default:
      return { codec: type === "uncompressed" ? 0 : CODEC_NAMES.indexOf(type as CodecName) }
  }
}

/** A topic's configs as the broker goes by them. */
export const topicConfig = (overrides: Overrides, settings: Settings, brokers: BrokerOverrides): TopicConfig => {
  const value = (name: string): string =>
    topicConfigValues(definitions.get(name)!, overrides, settings, brokers)[0]!.value!.trim()
  return {
    maxMessageBytes: numberOf(value("max.message.bytes")),
    messageTimestampType: value("message.timestamp.type") === "LogAppendTime" ? "LogAppendTime" : "CreateTime",
    messageTimestampBeforeMaxMs: numberOf(value("message.timestamp.before.max.ms")),
    messageTimestampAfterMaxMs: numberOf(value("message.timestamp.after.max.ms")),
    compacted: listOf(value("cleanup.policy")).includes("compact"),
    deletes: listOf(value("cleanup.policy")).includes("delete"),
    compression: compressionOf(value),
    relaxed: value("tusk.synchronous.commit") === "off",
    validated: value("tusk.validate.records").toLowerCase() === "true",
    retentionMs: numberOf(value("retention.ms")),
    retentionBytes: numberOf(value("retention.bytes")),
    compaction: {
      minLagMs: numberOf(value("min.compaction.lag.ms")),
      maxLagMs: numberOf(value("max.compaction.lag.ms")),
      minDirtyRatio: numberOf(value("min.cleanable.dirty.ratio")),
      deleteRetentionMs: numberOf(value("delete.retention.ms")),
      segmentMs: numberOf(value("segment.ms")),
      segmentBytes: numberOf(value("segment.bytes"))
    }
  }
}
