import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidRequest } from "@tusk/protocol/KafkaError"
import {
  BROKER_RESOURCE,
  Configs,
  GROUP_RESOURCE,
  LOGGER_RESOURCE,
  METRICS_RESOURCE,
  TOPIC_RESOURCE
} from "@tusk/storage/topics/Configs"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { applyIncremental } from "../config/AlterOps.ts"
import type { AlterOp } from "../config/AlterOps.ts"
import { brokerResource } from "../config/BrokerResource.ts"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { DEFAULT_SOURCE, TOPIC_SOURCE } from "../config/ConfigValues.ts"
import type { Overrides } from "../config/ConfigValues.ts"
import { metricsResource } from "../config/ClientMetrics.ts"
import { groupResource } from "../config/GroupResource.ts"
import { loggerResource } from "../config/LoggerResource.ts"
import { LogLevels } from "../config/LogLevels.ts"
import type { ConfigEntry, ResourceChanges, ResourceKind } from "../config/ResourceKind.ts"
import { describeTopic, topicResource } from "./TopicResource.ts"

/** Configs of topics, brokers, loggers, clients' metrics and groups: what they are, where they come from, and changes to them. */
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
      const settings = yield* BrokerSettings
      const hasObjectStore = (yield* ObjectStore) !== undefined
      const loggers = loggerResource(settings, yield* LogLevels)
      const kinds: ReadonlyMap<number, ResourceKind> = new Map([
        [TOPIC_RESOURCE, topicResource(configs, yield* Topics, settings, hasObjectStore)],
        [BROKER_RESOURCE, brokerResource(configs, settings, hasObjectStore)],
        [LOGGER_RESOURCE, loggers],
        [METRICS_RESOURCE, metricsResource(configs)],
        [GROUP_RESOURCE, groupResource(configs, settings)]
      ])

      /** All of a change is decided at once, on the overrides that are there then. */
      const change = (
        resourceType: number,
        resourceName: string,
        validateOnly: boolean,
        changed: (present: Overrides, changes: ResourceChanges) => Overrides | KafkaError
      ): Effect.Effect<void, KafkaError> => {
        const changes = kinds.get(resourceType)?.changes
        const decide = (present: Overrides): Overrides | KafkaError => {
          if (changes === undefined) return unsupported(resourceType)
          const wrong = changes.misplaced(resourceName)
          if (wrong !== undefined) return wrong
          const after = changed(present, changes)
          return "_tag" in after ? after : (changes.check(after, present, resourceName) ?? after)
        }
        if (!validateOnly) return configs.change(resourceType, resourceName, decide)
        return Effect.suspend(() => {
          const after = decide(configs.of(resourceType, resourceName))
          return "_tag" in after ? Effect.fail(after) : Effect.void
        })
      }

      return ResourceConfigs.of({
        describe: (resourceType, resourceName) =>
          kinds.get(resourceType)?.describe(resourceName) ?? unsupported(resourceType),
        names: (resourceType) => kinds.get(resourceType)?.names() ?? [],
        ofTopic: (overrides) => describeTopic(overrides, configs, settings),
        alter: (resourceType, resourceName, operations, validateOnly) => {
          // Kept nowhere, so that no commit decides of it.
          if (resourceType === LOGGER_RESOURCE) {
            return Effect.suspend(() => {
              const wrong = loggers.alter(resourceName, operations, validateOnly)
              return wrong === undefined ? Effect.void : Effect.fail(wrong)
            })
          }
          return change(resourceType, resourceName, validateOnly, (present, { alterContext }) =>
            applyIncremental(present, operations, alterContext(resourceName, present))
          )
        },
        replace: (resourceType, resourceName, wanted, validateOnly) =>
          change(resourceType, resourceName, validateOnly, () => allOf(wanted))
      })
    })
  )
}

const allOf = (
  wanted: ReadonlyArray<{ readonly name: string; readonly value: string | null }>
): Overrides | KafkaError => {
  const all = new Map<string, string>()
  for (const { name, value } of wanted) {
    if (value === null) return new InvalidRequest({ message: `Null value not supported for : ${name}` })
    all.set(name, value)
  }
  return all
}

const unsupported = (resourceType: number): KafkaError =>
  new InvalidRequest({ message: `Configs of resource type ${resourceType} are not kept here.` })

/** What version 0 of DescribeConfigs calls a default: it was not set on the resource itself. */
export const isDefaultSource = (source: number, resourceType: number): boolean =>
  resourceType === TOPIC_RESOURCE ? source !== TOPIC_SOURCE : source === DEFAULT_SOURCE
