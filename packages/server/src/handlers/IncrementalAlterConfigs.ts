// Serves: IncrementalAlterConfigs in all versions: single overrides of whatever has configs, and levels of loggers (KIP-339).
// Left out: nothing.

import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import type { IncrementalAlterConfigsRequest } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { configRefusal, configRights } from "../request/configRights.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { configsOf } from "../request/Resources.ts"
import { alterResources, refuseResources } from "../topics/alterResources.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

export const incrementalAlterConfigs = handler({
  api: IncrementalAlterConfigs,
  resources: ({ resources }) => configsOf(resources),
  asks: configRights("alterConfigs"),
  reads: false,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs
    return (request: IncrementalAlterConfigsRequest, context: RequestContext) =>
      alterResources(request.resources, (resource) => {
        const refusal = configRefusal(context, "alterConfigs", resource)
        return refusal === undefined
          ? configs.alter(resource.resourceType, resource.resourceName, resource.configs, request.validateOnly)
          : Effect.fail(refusal)
      })
  }),
  refuse: refuseResources
})
