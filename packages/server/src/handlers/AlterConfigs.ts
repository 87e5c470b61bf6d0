// Serves: AlterConfigs in all versions: replaces the overrides of whatever has configs.
// Left out: levels of loggers.
// Why: as in Kafka, only IncrementalAlterConfigs changes them.

import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import type { AlterConfigsRequest } from "@tusk/protocol/messages/AlterConfigs"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { configsOf } from "../request/Resources.ts"
import { alterResources, refuseResources } from "../topics/alterResources.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

export const alterConfigs = handler({
  api: AlterConfigs,
  resources: ({ resources }) => configsOf(resources),
  reads: false,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs
    return (request: AlterConfigsRequest) =>
      alterResources(request.resources, (resource) =>
        configs.replace(resource.resourceType, resource.resourceName, resource.configs, request.validateOnly)
      )
  }),
  refuse: refuseResources
})
