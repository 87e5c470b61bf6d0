import { errorMessage } from "@tusk/protocol/KafkaError"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import type { IncrementalAlterConfigsRequest } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { alterResources } from "../topics/alterResources.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

export const incrementalAlterConfigs = handler({
  api: IncrementalAlterConfigs,
  reads: false,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs
    return (request: IncrementalAlterConfigsRequest) =>
      alterResources(request.resources, (resource) =>
        configs.alter(resource.resourceType, resource.resourceName, resource.configs, request.validateOnly)
      )
  }),
  refuse: (request, code, error) => ({
    throttleTimeMs: 0,
    responses: request.resources.map(({ resourceName, resourceType }) => ({
      errorCode: code,
      errorMessage: errorMessage(error),
      resourceType,
      resourceName
    }))
  })
})
