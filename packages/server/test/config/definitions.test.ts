import { assert, describe, it } from "@effect/vitest"
import { defaultGroupResourceConfig, GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { defaultGroupConfig } from "@tusk/coordinator/group/shell/GroupConfig"
import { CommitterOptions } from "@tusk/storage/commit/Committer"
import { OpenBatchesOptions } from "@tusk/storage/log/batches/OpenBatches"
import { CompactionOptions } from "@tusk/storage/log/compaction/CompactionOptions"
import { LogOptions } from "@tusk/storage/log/LogOptions"
import { RetentionOptions } from "@tusk/storage/log/retention/RetentionOptions"
import { TopicsOptions } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { tuning } from "../../src/BrokerLayer.ts"
import { brokerConfigs } from "../../src/config/BrokerConfigs.ts"
import type { BrokerConfigName } from "../../src/config/BrokerConfigs.ts"
import { checkValue } from "../../src/config/ConfigDefinition.ts"
import { allGroupConfigs } from "../../src/config/GroupConfigDefinitions.ts"
import { kafkaBrokerConfigs } from "../../src/config/KafkaBrokerConfigs.ts"
import { allSettings } from "../../src/config/SettingDefinitions.ts"
import { defaultSettings } from "../../src/config/Settings.ts"
import { allTopicConfigs } from "../../src/config/TopicConfigDefinitions.ts"
import type { TopicConfigName } from "../../src/config/TopicConfigDefinitions.ts"
import { ConnectionOptions } from "../../src/net/ConnectionOptions.ts"

const doubles = (names: ReadonlyArray<string>) => names.filter((name, i) => names.indexOf(name) !== i)

describe("definitions of configs", () => {
  it("say each name once", () => {
    const kafkas = kafkaBrokerConfigs.map(([name]) => name as string)
    const settings = allSettings.map(({ name }) => name)
    const ofTopics = allTopicConfigs.flatMap(({ synonyms }) => synonyms.map(({ name }) => name))
    assert.deepStrictEqual(doubles([...kafkas, ...settings]), [])
    assert.deepStrictEqual(doubles([...kafkas, ...ofTopics]), [])
    assert.deepStrictEqual(doubles(allTopicConfigs.map(({ name }) => name)), [])
    assert.deepStrictEqual(doubles(allGroupConfigs.map(({ name }) => name)), [])
  })

  it("have defaults that fit them", () => {
    for (const definition of [...allSettings, ...allTopicConfigs, ...allGroupConfigs]) {
      const { defaultValue, name } = definition
      if (defaultValue !== null) assert.isUndefined(checkValue(definition, defaultValue), name)
    }
  })

  it("let no misspelt name compile", () => {
    const right: ReadonlyArray<TopicConfigName | BrokerConfigName> = ["retention.ms", "log.retention.hours"]
    // @ts-expect-error: no such config of topics
    const ofTopic: TopicConfigName = "retention.m"
    // @ts-expect-error: no such config of brokers
    const ofBroker: BrokerConfigName = "log.retention.hour"
    for (const name of [ofTopic, ofBroker]) assert.notInclude(right, name)
  })

  it("tell a broker's configs in order of names, Tusk's own last", () => {
    const names = Array.from(brokerConfigs().keys())
    const first = names.findIndex((name) => name.startsWith("tusk."))
    assert.deepStrictEqual(names.slice(0, first), names.slice(0, first).sort())
    assert.isTrue(names.slice(first).every((name) => name.startsWith("tusk.")))
  })
})

describe("defaults of settings", () => {
  const options = Effect.all([
    CommitterOptions,
    LogOptions,
    RetentionOptions,
    CompactionOptions,
    OpenBatchesOptions,
    TopicsOptions,
    ConnectionOptions
  ])

  it("are what services go by that were told nothing", () => {
    const told = Effect.runSync(Effect.provide(options, tuning(defaultSettings, undefined)))
    assert.deepStrictEqual(told, Effect.runSync(options))
    const ofGroups = Effect.runSync(GroupConfigs)("g")
    assert.deepStrictEqual(ofGroups, defaultGroupResourceConfig)
    assert.strictEqual(defaultSettings.offsetsRetentionMinutes * 60_000, defaultGroupConfig.offsetsRetentionMs)
  })
})
