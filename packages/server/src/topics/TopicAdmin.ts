import {
  InvalidConfig,
  InvalidPartitions,
  InvalidReplicaAssignment,
  InvalidReplicationFactor,
  InvalidRequest,
  isKafkaError,
  TopicAlreadyExists
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { Configs } from "@tusk/storage/topics/Configs"
import { Topics } from "@tusk/storage/topics/Topics"
import type { NewTopic } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { topicByName } from "./CoordinatorTopics.ts"
import { AutoTopics, collides } from "./AutoTopics.ts"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { settingDefinitions } from "../config/SettingDefinitions.ts"
import { brokerOverrides } from "../config/perResource.ts"
import { checkTopicConfigs } from "../config/TopicConfigs.ts"
import { Placement } from "../request/Placement.ts"
import { invalidTopicName } from "./TopicNames.ts"

export interface TopicWish {
  readonly name: string
  /** -1: the broker's default, or as many as are assigned. */
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: ReadonlyArray<{ readonly partitionIndex: number; readonly brokerIds: ReadonlyArray<number> }>
  readonly configs: ReadonlyArray<{ readonly name: string; readonly value: string | null }>
}

/** What a client may ask of topics, checked as Kafka on one broker checks it. */
export class TopicAdmin extends Context.Service<
  TopicAdmin,
  {
    /** The topic as it would be made, or what is wrong with the wish. */
    readonly check: (wish: TopicWish) => NewTopic | KafkaError
    /** What is wrong with brokers named for partitions `from` and up. */
    readonly checkBrokers: (assignments: ReadonlyArray<ReadonlyArray<number>>, from: number) => KafkaError | undefined
  }
>()("@tusk/server/topics/TopicAdmin") {
  static readonly layer = Layer.effect(
    TopicAdmin,
    Effect.gen(function* () {
      const topics = yield* Topics
      const autoTopics = yield* AutoTopics
      const settings = yield* BrokerSettings
      const placement = yield* Placement
      const configs = yield* Configs
      const hasObjectStore = (yield* ObjectStore) !== undefined

      const checkBrokers: TopicAdmin["Service"]["checkBrokers"] = (assignments, from) =>
        checkAssignments(assignments, from, placement.nodeIds())

      const assigned = (wish: TopicWish): number | KafkaError => {
        if (wish.numPartitions !== -1 || wish.replicationFactor !== -1) {
          return new InvalidRequest({
            message: "With a manual partition assignment, number of partitions and replication factor must be -1."
          })
        }
        const sorted = wish.assignments.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        if (sorted.some(({ partitionIndex }, i) => partitionIndex !== i)) {
          return new InvalidReplicaAssignment({
            message: "Partitions of a manual assignment must be numbered from 0 without a gap."
          })
        }
        const brokers = sorted.map(({ brokerIds }) => brokerIds)
        return checkBrokers(brokers, 0) ?? sorted.length
      }

      const check: TopicAdmin["Service"]["check"] = (wish) => {
        const invalid = invalidTopicName(wish.name)
        if (invalid !== undefined) return invalid
        if (topicByName(topics, wish.name) !== undefined) {
          return new TopicAlreadyExists({ message: `Topic '${wish.name}' already exists.` })
        }
        const other = autoTopics.collision(wish.name)
        if (other !== undefined) return collides(wish.name, other)
        const wrongFactor =
          wish.assignments.length === 0 ? checkReplication(wish, settings.maxReplicationFactor) : undefined
        if (wrongFactor !== undefined) return wrongFactor
        const partitions = wish.assignments.length === 0 ? countOf(wish, settings.numPartitions) : assigned(wish)
        if (typeof partitions !== "number") return partitions
        const own = configsOf(wish)
        if (isKafkaError(own)) return own
        const brokers = brokerOverrides(configs, settings)
        const wrong = checkTopicConfigs(own, NO_CONFIGS, { settings, brokers, hasObjectStore })
        return wrong ?? topics.tooMany(partitions) ?? { name: wish.name, partitions, configs: own }
      }

      return TopicAdmin.of({ check, checkBrokers })
    })
  )
}

/** Partitions of a topic for which the wish leaves the brokers to us. */
const countOf = ({ numPartitions }: TopicWish, unsaid: number): number | KafkaError => {
  if (numPartitions === -1) return unsaid
  return numPartitions > 0
    ? numPartitions
    : new InvalidPartitions({ message: "Number of partitions was set to an invalid non-positive value." })
}

const checkReplication = ({ replicationFactor }: TopicWish, most: number): KafkaError | undefined => {
  if (replicationFactor === -1) return undefined
  if (replicationFactor < 1) {
    return new InvalidReplicationFactor({
      message: "Replication factor must be larger than 0, or -1 to use the default value."
    })
  }
  return replicationFactor <= most
    ? undefined
    : new InvalidReplicationFactor({
        // Tools look for how it begins.
        message: `Replication factor: ${replicationFactor} larger than available brokers: 1. Postgres keeps the data; set ${settingDefinitions.maxReplicationFactor.name} (now ${most}) to let more pass.`
      })
}

const checkAssignments = (
  assignments: ReadonlyArray<ReadonlyArray<number>>,
  from: number,
  nodeIds: ReadonlySet<number>
): KafkaError | undefined => {
  for (const [i, brokers] of assignments.entries()) {
    const index = from + i
    if (brokers.length === 0) {
      return new InvalidReplicaAssignment({
        message: `The manual partition assignment includes an empty replica list for partition ${index}.`
      })
    }
    if (new Set(brokers).size !== brokers.length) {
      return new InvalidReplicaAssignment({
        message: `The manual partition assignment of partition ${index} names a broker twice.`
      })
    }
    const stranger = brokers.find((broker) => !nodeIds.has(broker))
    if (stranger !== undefined) {
      return new InvalidReplicaAssignment({
        message: `The manual partition assignment of partition ${index} names broker ${stranger}, which is not there.`
      })
    }
  }
  return undefined
}

const NO_CONFIGS: ReadonlyMap<string, string> = new Map()

const configsOf = (wish: TopicWish): ReadonlyMap<string, string> | KafkaError => {
  const configs = new Map<string, string>()
  for (const { name, value } of wish.configs) {
    if (value === null) {
      return new InvalidConfig({ message: `Null value not supported for topic configs: ${name}` })
    }
    configs.set(name, value)
  }
  return configs
}
