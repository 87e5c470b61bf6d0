import type { KafkaError } from "@tusk/protocol/KafkaError"
import { UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import { TOPIC_RESOURCE } from "@tusk/storage/topics/Configs"
import type { Configs } from "@tusk/storage/topics/Configs"
import type { Topics } from "@tusk/storage/topics/Topics"
import type { Overrides } from "../config/ConfigValues.ts"
import { brokerOverrides } from "../config/perResource.ts"
import { configEntry } from "../config/ResourceKind.ts"
import type { ConfigEntry, ResourceKind } from "../config/ResourceKind.ts"
import type { Settings } from "../config/Settings.ts"
import { allTopicConfigs } from "../config/TopicConfigDefinitions.ts"
import {
  checkTopicConfigs,
  topicConfigDefinition,
  topicConfigValues,
  unknownTopicConfig
} from "../config/TopicConfigs.ts"
import { COORDINATOR_TOPIC_CONFIGS, topicByName } from "./CoordinatorTopics.ts"
import { invalidTopicName } from "./TopicNames.ts"

/** The configs of a topic with these overrides, be it there or not. */
export const describeTopic = (
  overrides: Overrides,
  configs: Configs["Service"],
  settings: Settings
): ReadonlyArray<ConfigEntry> => {
  const brokers = brokerOverrides(configs, settings)
  return allTopicConfigs.map((definition) =>
    configEntry(definition, topicConfigValues(definition, overrides, settings, brokers))
  )
}

/** Topics by their names. */
export const topicResource = (
  configs: Configs["Service"],
  topics: Topics["Service"],
  settings: Settings,
  hasObjectStore: boolean
): ResourceKind => {
  const missing = (name: string, isThere: (name: string) => boolean, message = ""): KafkaError | undefined =>
    invalidTopicName(name) ?? (isThere(name) ? undefined : new UnknownTopicOrPartition({ message }))
  const isStored = (name: string) => topics.byName(name) !== undefined
  /** In the commit that is being put together, which may delete it. */
  const isAssumed = (name: string) => isStored(name) && topics.assumed(name) !== undefined

  return {
    names: () => topics.all().map(({ name }) => name),
    describe: (name) =>
      !isStored(name) && topicByName(topics, name) !== undefined
        ? describeTopic(COORDINATOR_TOPIC_CONFIGS, configs, settings)
        : (missing(name, isStored) ?? describeTopic(configs.of(TOPIC_RESOURCE, name), configs, settings)),
    changes: {
      misplaced: (name) => missing(name, isAssumed, `The topic '${name}' does not exist.`),
      check: (overrides, former) =>
        checkTopicConfigs(overrides, former, {
          settings,
          brokers: brokerOverrides(configs, settings),
          hasObjectStore
        }),
      alterContext: (_, overrides) => ({
        definition: topicConfigDefinition,
        unknown: unknownTopicConfig,
        current: (name) =>
          topicConfigValues(topicConfigDefinition(name)!, overrides, settings, brokerOverrides(configs, settings))[0]
            .value
      })
    }
  }
}
