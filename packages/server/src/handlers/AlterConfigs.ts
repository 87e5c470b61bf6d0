import { errorMessage } from "@tusk/protocol/KafkaError"
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import type { AlterConfigsRequest } from "@tusk/protocol/messages/AlterConfigs"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { alterResources } from "../topics/alterResources.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

export const alterConfigs = handler({
  api: AlterConfigs,
  reads: false,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs
    return (request: AlterConfigsRequest) =>
      alterResources(request.resources, (resource) =>
        configs.replace(resource.resourceType, resource.resourceName, resource.configs, request.validateOnly)
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
