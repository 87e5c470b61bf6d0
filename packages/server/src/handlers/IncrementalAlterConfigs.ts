// Serves: IncrementalAlterConfigs in all versions: single overrides of whatever has configs, and levels of loggers (KIP-339).
// Left out: nothing.

import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import type { IncrementalAlterConfigsRequest } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { configsOf } from "../request/Resources.ts"
import { alterResources, refuseResources } from "../topics/alterResources.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

export const incrementalAlterConfigs = handler({
  api: IncrementalAlterConfigs,
  resources: ({ resources }) => configsOf(resources),
  reads: false,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs
    return (request: IncrementalAlterConfigsRequest) =>
      alterResources(request.resources, (resource) =>
        configs.alter(resource.resourceType, resource.resourceName, resource.configs, request.validateOnly)
      )
  }),
  refuse: refuseResources
})
