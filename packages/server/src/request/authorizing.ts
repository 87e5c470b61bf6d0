import { ClusterAuthorizationFailed } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import { CLUSTER_NAME } from "./Authorization.ts"
import type { Operation, ResourceType } from "./Operations.ts"
import type { RequestContext } from "./RequestContext.ts"

const ALL = () => true

/**
 * Whether the principal may do the operation on the resource of a name. Without an authorizer nothing is asked, and nothing
 * made.
 */
export const permits = (
  context: RequestContext,
  operation: Operation,
  resourceType: ResourceType
): ((name: string) => boolean) =>
  context.connection.authorizer.isOn ? (name) => context.may(operation, resourceType, name) : ALL

/** The same for what is only left out of an answer: a refusal is not logged. */
export const permitsQuietly = (
  context: RequestContext,
  operation: Operation,
  resourceType: ResourceType
): ((name: string) => boolean) =>
  context.connection.authorizer.isOn ? (name) => context.mayQuietly(operation, resourceType, name) : ALL

/** Things that a request names, in its order, by whether its principal may use them. */
export interface Parted<Thing> {
  readonly allowed: ReadonlyArray<Thing>
  readonly refused: ReadonlyArray<Thing>
}

/** Parts what a request names by the principal's right to it. The list itself is given back if all of it is allowed. */
export const parted = <Thing>(
  things: ReadonlyArray<Thing>,
  isAllowed: (name: string) => boolean,
  nameOf: (thing: Thing) => string
): Parted<Thing> => {
  if (isAllowed === ALL) return { allowed: things, refused: [] }
  const refused = things.filter((thing) => !isAllowed(nameOf(thing)))
  if (refused.length === 0) return { allowed: things, refused }
  const without = new Set(refused)
  return { allowed: things.filter((thing) => !without.has(thing)), refused }
}

export const mayCluster = (context: RequestContext, operation: Operation): boolean =>
  context.may(operation, "cluster", CLUSTER_NAME)

/** Refuses a whole request of one who may not do that to the cluster, in Kafka's words but for its own objects. */
export const authorizeCluster = (
  context: RequestContext,
  operation: Operation
): Effect.Effect<void, ClusterAuthorizationFailed> =>
  mayCluster(context, operation)
    ? Effect.void
    : Effect.fail(new ClusterAuthorizationFailed({ message: "The request is not authorized." }))
