import { defaultSettings, readSettings } from "@tusk/server/config/Settings"
import type { NamedSettings } from "@tusk/server/config/Settings"
import { allTopicConfigs } from "@tusk/server/config/TopicConfigDefinitions"
import type { TopicConfigName } from "@tusk/server/config/TopicConfigDefinitions"
import * as Result from "effect/Result"
import type { NewRecord } from "./NewRecord.ts"
import { checkCount, checkKeys, checkOneOf } from "./refused.ts"
import { SECURITY_OPTIONS, securityPlanOf } from "./SecurityOptions.ts"
import type { SecurityOptions, SecurityPlan } from "./SecurityOptions.ts"

/** A topic that is there when the broker serves. */
export interface TopicOptions {
  readonly name: string
  /** `num.partitions` if nothing is said. */
  readonly partitions?: number
  /** By Kafka's names: `{ "cleanup.policy": "compact" }`. */
  readonly configs?: { readonly [Name in TopicConfigName]?: string | number | boolean }
  /** What it holds from the start. */
  readonly records?: ReadonlyArray<NewRecord>
}

/** How a broker starts. All of it may be left out. */
export interface StartOptions extends SecurityOptions {
  /** Topics that are there when the broker serves, by name alone or with what they are like. `reset` goes back to them. */
  readonly topics?: ReadonlyArray<string | TopicOptions>
  /** Broker settings by Kafka's names, such as `{ "num.partitions": 3 }`. */
  readonly settings?: NamedSettings
  /** Of 127.0.0.1. 0, the default, takes a free one. */
  readonly port?: number
  /** "memory", the default; or "embedded": a real Postgres that npm brought, gone with the broker; SQL reaches it. */
  readonly storage?: "memory" | "embedded"
  /** With storage "memory": bytes of records; the oldest batches go first. */
  readonly memoryBytes?: number
  /** "system", the default; or "manual": the broker's time stands still, and goes on by `clock.advance` alone. */
  readonly clock?: "system" | "manual"
  /** The broker's log lines from this level on, on the console; "warn" if nothing is said. */
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "none"
}

const OPTIONS = ["topics", "settings", "port", "storage", "memoryBytes", "clock", "logLevel", ...SECURITY_OPTIONS]
const CONFIGS = allTopicConfigs.map(({ name }) => name)
const TOPIC = ["name", "partitions", "configs", "records"]

/** What a start goes by: every option that was left out has its default. */
export interface Plan extends Required<Omit<StartOptions, "topics" | "memoryBytes" | keyof SecurityOptions>> {
  readonly topics: ReadonlyArray<TopicOptions>
  readonly memoryBytes: number | undefined
  readonly security: SecurityPlan
}

const topicOf = (topic: string | TopicOptions, i: number): TopicOptions => {
  if (typeof topic === "string") return { name: topic }
  checkKeys(`topics[${i}]`, topic, TOPIC)
  if (typeof topic.name !== "string") throw new TypeError(`topics[${i}]: it has no name`)
  checkCount(`topics[${i}].partitions`, topic.partitions, 1)
  if (topic.configs !== undefined) checkKeys(`topics[${i}].configs`, topic.configs, CONFIGS)
  return topic
}

/**
 * Sessions are off, so that each Fetch names its topics: a fault may ask for them. In manual time nobody waits for a group's
 * first rebalance.
 */
const settingsOf = ({ clock, settings = {} }: StartOptions): NamedSettings => ({
  "max.incremental.fetch.session.cache.slots": 0,
  ...(clock === "manual" ? { "group.initial.rebalance.delay.ms": 0 } : {}),
  ...settings
})

/** Throws what is wrong with the options, by name. Settings and configs are looked at by the broker itself. */
export const planOf = (options: StartOptions): Plan => {
  checkKeys("Tusk.start", options, OPTIONS)
  const { clock = "system", logLevel = "warn", memoryBytes, port = 0, storage = "memory", topics = [] } = options
  checkOneOf("storage", storage, ["memory", "embedded"])
  checkOneOf("clock", clock, ["system", "manual"])
  checkOneOf("logLevel", logLevel, ["debug", "info", "warn", "error", "none"])
  checkCount("port", port, 0)
  checkCount("memoryBytes", memoryBytes, 1)
  if (!Array.isArray(topics)) throw new TypeError("topics: a list is expected")
  if (memoryBytes !== undefined && storage !== "memory")
    throw new RangeError(`memoryBytes: not with storage ${storage}`)
  return {
    clock,
    logLevel,
    memoryBytes,
    port,
    security: securityPlanOf(options),
    settings: settingsOf(options),
    storage,
    topics: topics.map(topicOf)
  }
}

/** Bytes that may wait for a commit. Of settings that cannot be read the broker tells. */
export const queuedBytes = (settings: NamedSettings): number =>
  Result.getOrElse(readSettings(settings), () => ({ settings: defaultSettings })).settings.commitQueueMaxBytes
