// Serves: DescribeConfigs in all versions, of topics, groups, this broker and its loggers, subscriptions to clients' metrics.
// Left out: nothing.

import { errorCode, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import type { DescribeConfigsRequest, DescribeConfigsResponse } from "@tusk/protocol/messages/DescribeConfigs"
import { isKafkaError } from "@tusk/storage/log/Log"
import * as Effect from "effect/Effect"
import { configRefusal, configRights } from "../request/configRights.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { configsOf } from "../request/Resources.ts"
import { isDefaultSource, ResourceConfigs } from "../topics/ResourceConfigs.ts"

type Result = DescribeConfigsResponse["results"][number]

export const describeConfigs = handler({
  api: DescribeConfigs,
  resources: ({ resources }) => configsOf(resources),
  asks: configRights("describeConfigs"),
  reads: true,
  make: Effect.gen(function* () {
    const configs = yield* ResourceConfigs

    const one = (
      resource: DescribeConfigsRequest["resources"][number],
      request: DescribeConfigsRequest,
      context: RequestContext
    ): Result => {
      const { apiVersion } = context
      const { configurationKeys, resourceName, resourceType } = resource
      const entries =
        configRefusal(context, "describeConfigs", resource) ?? configs.describe(resourceType, resourceName)
      if (isKafkaError(entries)) {
        return {
          errorCode: errorCode(entries),
          errorMessage: errorMessage(entries) ?? "",
          resourceType,
          resourceName,
          configs: []
        }
      }
      // No keys, as none at all, asks for every config.
      const wanted =
        configurationKeys === null || configurationKeys.length === 0 ? undefined : new Set(configurationKeys)
      return {
        errorCode: NONE,
        errorMessage: "",
        resourceType,
        resourceName,
        configs: entries
          .filter(({ name }) => wanted === undefined || wanted.has(name))
          .map((entry) => ({
            name: entry.name,
            value: entry.value,
            readOnly: entry.readOnly,
            // What version 0 tells of the source.
            isDefault: apiVersion === 0 && isDefaultSource(entry.source, resourceType),
            configSource: entry.source,
            isSensitive: entry.isSensitive,
            synonyms: request.includeSynonyms ? entry.synonyms : [],
            configType: entry.typeId,
            documentation: request.includeDocumentation || entry.documentation === "" ? entry.documentation : null
          }))
      }
    }

    return (request: DescribeConfigsRequest, context: RequestContext) =>
      Effect.sync(() => ({
        results: request.resources.map((resource) => one(resource, request, context))
      }))
  }),
  refuse: (request, code, error) => ({
    results: request.resources.map(({ resourceName, resourceType }) => ({
      errorCode: code,
      errorMessage: errorMessage(error),
      resourceType,
      resourceName,
      configs: []
    }))
  })
})
