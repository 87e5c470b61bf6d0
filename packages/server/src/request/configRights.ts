import { ClusterAuthorizationFailed } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import {
  BROKER_RESOURCE,
  GROUP_RESOURCE,
  LOGGER_RESOURCE,
  METRICS_RESOURCE,
  TOPIC_RESOURCE
} from "@tusk/storage/topics/Configs"
import { clusterRefused, groupRefused, mayCluster, topicRefused } from "./authorizing.ts"
import type { Right } from "./Handler.ts"
import type { RequestContext } from "./RequestContext.ts"

type OnConfigs = "describeConfigs" | "alterConfigs"

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

/** What an API of configs asks for. */
export const configRights = (operation: OnConfigs): ReadonlyArray<Right> => [
  { operation, resourceType: "topic" },
  { operation, resourceType: "group" },
  { operation, resourceType: "cluster", of: "for what is no topic and no group" }
]

/** Why the principal may not do that to the configs of a resource; undefined if it may, or nothing of such a type has configs. */
export const configRefusal = (
  context: RequestContext,
  operation: OnConfigs,
  { resourceName, resourceType }: Resource
): KafkaError | undefined => {
  switch (resourceType) {
    case TOPIC_RESOURCE:
      return context.may(operation, "topic", resourceName) ? undefined : topicRefused()
    case GROUP_RESOURCE:
      return context.may(operation, "group", resourceName) ? undefined : groupRefused()
    case LOGGER_RESOURCE:
      if (mayCluster(context, operation)) return undefined
      // Without a text for the changes alone.
      return operation === "alterConfigs" ? new ClusterAuthorizationFailed() : clusterRefused()
    case BROKER_RESOURCE:
    case METRICS_RESOURCE:
      return mayCluster(context, operation) ? undefined : clusterRefused()
    default:
      return undefined
  }
}
