import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import type { DescribeConfigsResourceResult } from "@tusk/protocol/messages/DescribeConfigs"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { Refused, refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"

/** Kafka's numbers of what has configs. */
export const RESOURCE_TYPES = { topic: 2, broker: 4, "broker-logger": 8, "client-metrics": 16, group: 32 } as const

/** What has configs, by the names of `tusk config`. */
export type ResourceType = keyof typeof RESOURCE_TYPES

/** What has configs. */
export interface Resource {
  readonly type: ResourceType
  /** A topic's or group's name, a broker's id; empty for all brokers. */
  readonly name: string
}

const SOURCES = [
  "UNKNOWN",
  "DYNAMIC_TOPIC_CONFIG",
  "DYNAMIC_BROKER_CONFIG",
  "DYNAMIC_DEFAULT_BROKER_CONFIG",
  "STATIC_BROKER_CONFIG",
  "DEFAULT_CONFIG",
  "DYNAMIC_BROKER_LOGGER_CONFIG",
  "DYNAMIC_CLIENT_METRICS_CONFIG",
  "DYNAMIC_GROUP_CONFIG"
]

/** A config and the value that holds. */
export interface ConfigEntry {
  readonly name: string
  /** Null if it is sensitive, or has none. */
  readonly value: string | null
  /** Kafka's name of where the value comes from: `DYNAMIC_TOPIC_CONFIG`. */
  readonly source: string
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
}

/** How errors name it. */
export const resourceText = ({ name, type }: Resource): string => `${type} ${name === "" ? "(all)" : name}`

/** Broker configs are told by the broker itself; all else by any. */
const answering = (client: KafkaClient["Service"], { name, type }: Resource) =>
  (type === "broker" || type === "broker-logger") && name !== "" ? client.broker(Number(name)) : client.anyBroker

const entryOf = (config: DescribeConfigsResourceResult): ConfigEntry => ({
  name: config.name,
  value: config.value,
  source: SOURCES[config.configSource] ?? "UNKNOWN",
  isReadOnly: config.readOnly,
  isSensitive: config.isSensitive
})

/** All configs of a resource, in order of their names. */
export const describeConfigs = (
  resource: Resource
): Effect.Effect<ReadonlyArray<ConfigEntry>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const resourceType = RESOURCE_TYPES[resource.type]
    const resources = [{ resourceType, resourceName: resource.name, configurationKeys: null }]
    const answer = yield* client.ask(
      answering(client, resource),
      DescribeConfigs,
      { ...DescribeConfigs.request.defaults(), resources },
      ({ results: [found] }) => refusalOf(found?.errorCode ?? 0, resourceText(resource), found?.errorMessage ?? null),
      { minVersion: 1 }
    )
    const configs = answer.results[0]?.configs ?? []
    return configs.map(entryOf).sort((a, b) => (a.name < b.name ? -1 : 1))
  })

const SET = 0
const UNSET = 1

/** Sets configs, and takes the named ones back to what holds without them; all or none. */
export const alterConfigs = (
  resource: Resource,
  set: ReadonlyMap<string, string>,
  unset: ReadonlyArray<string> = []
): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const configs = [
      ...Array.from(set, ([name, value]) => ({ name, configOperation: SET, value })),
      ...unset.map((name) => ({ name, configOperation: UNSET, value: null }))
    ]
    const resources = [{ resourceType: RESOURCE_TYPES[resource.type], resourceName: resource.name, configs }]
    yield* client.ask(
      answering(client, resource),
      IncrementalAlterConfigs,
      { resources, validateOnly: false },
      ({ responses: [done] }): Refused | undefined =>
        refusalOf(done?.errorCode ?? 0, resourceText(resource), done?.errorMessage ?? null)
    )
  })
