import {
  ClusterAuthorizationFailed,
  GroupAuthorizationFailed,
  TopicAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import { authorizedOperations, CLUSTER_NAME } from "./Authorization.ts"
import type { Operation, ResourceType } from "./Operations.ts"
import type { RequestContext } from "./RequestContext.ts"

/** Whether a principal may do one operation on the resource of a name. */
export type Permits = (name: string) => boolean

const ALL: Permits = () => true

/** Partitions of a topic come in a row: it is asked for once. */
const inARow = (may: Permits): Permits => {
  let last: string | undefined
  let isAllowed = false
  return (name) => {
    if (name !== last) {
      isAllowed = may(name)
      last = name
    }
    return isAllowed
  }
}

/** For the names of one request. Without an authorizer nothing is asked, and nothing made. */
export const permits = (context: RequestContext, operation: Operation, resourceType: ResourceType): Permits =>
  context.connection.authorizer.isOn ? inARow((name) => context.may(operation, resourceType, name)) : ALL

/** The same for what is only left out of an answer: a refusal is not logged. */
export const permitsQuietly = (context: RequestContext, operation: Operation, resourceType: ResourceType): Permits =>
  context.connection.authorizer.isOn ? inARow((name) => context.mayQuietly(operation, resourceType, name)) : ALL

/** For the names of one request, of which all are permitted to one who may do another operation on the cluster. */
export const permitsByCluster = (
  context: RequestContext,
  onCluster: Operation,
  operation: Operation,
  resourceType: ResourceType
): Permits =>
  context.connection.authorizer.isOn && !context.mayQuietly(onCluster, "cluster", CLUSTER_NAME)
    ? permits(context, operation, resourceType)
    : ALL

/** Things that a request names, in its order, by whether its principal may use them. */
export interface Parted<Thing> {
  readonly allowed: ReadonlyArray<Thing>
  readonly refused: ReadonlyArray<Thing>
}

const NOTHING: ReadonlyArray<never> = []

/** Parts what a request names by the principal's right to it. The list itself is given back if all of it is allowed. */
export const parted = <Thing>(
  things: ReadonlyArray<Thing>,
  isAllowed: Permits,
  nameOf: (thing: Thing) => string
): Parted<Thing> => {
  if (isAllowed === ALL) return { allowed: things, refused: NOTHING }
  const refused = things.filter((thing) => !isAllowed(nameOf(thing)))
  if (refused.length === 0) return { allowed: things, refused }
  const without = new Set(refused)
  return { allowed: things.filter((thing) => !without.has(thing)), refused }
}

/** The refusals with a text, for the answers in which Kafka's have one. */
export const topicRefused = () => new TopicAuthorizationFailed({ message: TopicAuthorizationFailed.info.text! })
export const groupRefused = () => new GroupAuthorizationFailed({ message: GroupAuthorizationFailed.info.text! })
export const clusterRefused = () => new ClusterAuthorizationFailed({ message: ClusterAuthorizationFailed.info.text! })

export const mayCluster = (context: RequestContext, operation: Operation): boolean =>
  context.may(operation, "cluster", CLUSTER_NAME)

/**
 * Refuses a whole request of one who may not do that to the cluster. By default in Kafka's words, which name the request
 * by what it is in Kafka's memory.
 */
export const authorizeCluster = (
  context: RequestContext,
  operation: Operation,
  refusal = () => new ClusterAuthorizationFailed({ message: `Request needs ${capitals(operation)} permission.` })
): Effect.Effect<void, ClusterAuthorizationFailed> =>
  mayCluster(context, operation) ? Effect.void : Effect.fail(refusal())

/** As Kafka names it: `ALTER_CONFIGS`. */
const capitals = (operation: Operation): string => operation.replace(/[A-Z]/, "_$&").toUpperCase()

/** What the principal may do to the cluster, as bits: nothing is told to one who may not describe it. */
export const operationsOnCluster = (context: RequestContext): number =>
  mayCluster(context, "describe") ? authorizedOperations(context, "cluster", CLUSTER_NAME) : 0
