// Serves: ListConfigResources in all versions: topics, groups, this broker and its loggers, subscriptions to clients' metrics.
// Left out: nothing.

import { NONE, UnsupportedVersion } from "@tusk/protocol/KafkaError"
import { ListConfigResources } from "@tusk/protocol/messages/ListConfigResources"
import type { ListConfigResourcesRequest } from "@tusk/protocol/messages/ListConfigResources"
import {
  BROKER_RESOURCE,
  GROUP_RESOURCE,
  LOGGER_RESOURCE,
  METRICS_RESOURCE,
  TOPIC_RESOURCE
} from "@tusk/storage/topics/Configs"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

const TYPES: ReadonlyArray<number> = [
  TOPIC_RESOURCE,
  BROKER_RESOURCE,
  LOGGER_RESOURCE,
  METRICS_RESOURCE,
  GROUP_RESOURCE
]

export const listConfigResources = handler({
  api: ListConfigResources,
  resources: () => CLUSTER,
  asks: [{ operation: "describeConfigs", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs
    return Effect.fnUntraced(function* ({ resourceTypes }: ListConfigResourcesRequest, context: RequestContext) {
      yield* authorizeCluster(context, "describeConfigs")
      const { apiVersion } = context
      // Version 0 knew of client metrics only (KIP-714).
      const wanted = apiVersion === 0 ? [METRICS_RESOURCE] : resourceTypes.length === 0 ? TYPES : resourceTypes
      const stranger = wanted.find((type) => !TYPES.includes(type))
      if (stranger !== undefined) {
        return yield* new UnsupportedVersion({ message: `Resources of type ${stranger} cannot be listed.` })
      }
      return {
        errorCode: NONE,
        configResources: Array.from(new Set(wanted)).flatMap((resourceType) =>
          configs.names(resourceType).map((resourceName) => ({ resourceName, resourceType }))
        )
      }
    })
  }),
  refuse: (_request, errorCode) => ({ errorCode, configResources: [] })
})
