// Serves: AlterConfigs in all versions: replaces the overrides of whatever has configs.
// Left out: levels of loggers.
// Why: as in Kafka, only IncrementalAlterConfigs changes them.

import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import type { AlterConfigsRequest } from "@tusk/protocol/messages/AlterConfigs"
import * as Effect from "effect/Effect"
import { configRefusal, configRights } from "../request/configRights.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { configsOf } from "../request/Resources.ts"
import { alterResources, refuseResources } from "../topics/alterResources.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

export const alterConfigs = handler({
  api: AlterConfigs,
  resources: ({ resources }) => configsOf(resources),
  asks: configRights("alterConfigs"),
  reads: false,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs
    return (request: AlterConfigsRequest, context: RequestContext) =>
      alterResources(request.resources, (resource) => {
        const refusal = configRefusal(context, "alterConfigs", resource)
        return refusal === undefined
          ? configs.replace(resource.resourceType, resource.resourceName, resource.configs, request.validateOnly)
          : Effect.fail(refusal)
      })
  }),
  refuse: refuseResources
})
