import { errorCode, errorMessage, InvalidRequest, NONE } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

/** One result a resource, as both APIs that alter configs answer; a resource named twice is refused both times. */
export const alterResources = <R extends Resource>(
  resources: ReadonlyArray<R>,
  alter: (resource: R) => Effect.Effect<void, KafkaError>
) => {
  const counts = new Map<string, number>()
  const place = ({ resourceName, resourceType }: Resource) => `${resourceType}:${resourceName}`
  for (const resource of resources) counts.set(place(resource), (counts.get(place(resource)) ?? 0) + 1)
  const one = (resource: R): Effect.Effect<void, KafkaError> =>
    counts.get(place(resource))! > 1
      ? Effect.fail(new InvalidRequest({ message: "Each resource must appear at most once." }))
      : alter(resource)
  return Effect.map(
    Effect.forEach(resources, (resource) => {
      const { resourceName, resourceType } = resource
      return Effect.match(one(resource), {
        onFailure: (error) => ({
          errorCode: errorCode(error),
          errorMessage: errorMessage(error),
          resourceType,
          resourceName
        }),
        onSuccess: () => ({ errorCode: NONE, errorMessage: null, resourceType, resourceName })
      })
    }),
    (responses) => ({ responses })
  )
}

/** The answer of both if the request is refused as a whole. */
export const refuseResources = (
  { resources }: { readonly resources: ReadonlyArray<Resource> },
  code: number,
  error: KafkaError
) => ({
  responses: resources.map(({ resourceName, resourceType }) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    resourceType,
    resourceName
  }))
})
