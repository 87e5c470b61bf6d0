// Serves: AlterConfigs in all versions: replaces the overrides of whatever has configs.
// Left out: levels of loggers.
// Why: as in Kafka, only IncrementalAlterConfigs changes them.

import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import type { AlterConfigsRequest } from "@tusk/protocol/messages/AlterConfigs"
import { LOGGER_RESOURCE } from "@tusk/storage/topics/Configs"
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
        // Nobody may alter a logger's here, which is told to everybody.
        const refusal =
          resource.resourceType === LOGGER_RESOURCE ? undefined : configRefusal(context, "alterConfigs", resource)
        return refusal === undefined
          ? configs.replace(resource.resourceType, resource.resourceName, resource.configs, request.validateOnly)
          : Effect.fail(refusal)
      })
  }),
  refuse: refuseResources
})
