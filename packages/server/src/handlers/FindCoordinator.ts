// Serves: FindCoordinator in all versions, for groups, transactional ids and partitions of share groups.
// Left out: nothing.

import {
  ClusterAuthorizationFailed,
  CoordinatorNotAvailable,
  errorCode,
  errorMessage,
  GroupAuthorizationFailed,
  InvalidRequest,
  NONE,
  TransactionalIdAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import type { FindCoordinatorRequest } from "@tusk/protocol/messages/FindCoordinator"
import * as Effect from "effect/Effect"
import { mayCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { GROUP_KEY, Placement, SHARE_KEY, TRANSACTION_KEY } from "../request/Placement.ts"
import type { Resources } from "../request/Resources.ts"

const KEY_TYPES = [GROUP_KEY, TRANSACTION_KEY, SHARE_KEY]
/** Versions from which a request names several keys, and from which brokers ask for partitions of share groups. */
const BATCHED = 4
const SHARED = 6

export const findCoordinator = handler({
  api: FindCoordinator,
  resources: (request) => resourcesOf(request),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "describe", resourceType: "group", of: "a group" },
    { operation: "describe", resourceType: "transactionalId", of: "a transactional id" },
    { operation: "clusterAction", resourceType: "cluster", of: "a partition of a share group" }
  ],
  make: Effect.gen(function* () {
    const placement = yield* Placement
    return Effect.fnUntraced(function* (request: FindCoordinatorRequest, context: RequestContext) {
      const { coordinatorKeys, key, keyType } = request
      const unknown = !KEY_TYPES.includes(keyType)
      if (unknown) return yield* new InvalidRequest({ message: `Unknown key type ${keyType}.` })
      if (keyType === SHARE_KEY && context.apiVersion >= SHARED && !mayCluster(context, "clusterAction")) {
        return yield* new ClusterAuthorizationFailed({ message: "Cluster authorization failed." })
      }
      const brokers = placement.brokers(context.connection.listener)
      const find = (key: string): Found => {
        const refused = refusalOf(context, keyType, key)
        if (refused !== undefined) return { ...NOWHERE, error: refused }
        const coordinator = placement.coordinatorOf(keyType, key)
        const node = brokers.find(({ nodeId }) => nodeId === coordinator)
        if (node === undefined) return { ...NOWHERE, error: new CoordinatorNotAvailable() }
        return { nodeId: node.nodeId, host: node.host, port: node.port, error: undefined }
      }
      const { apiVersion } = context
      return apiVersion >= BATCHED
        ? { ...UNUSED, coordinators: coordinatorKeys.map((each) => ({ key: each, ...told(find(each), apiVersion) })) }
        : { ...told(find(key), apiVersion), coordinators: [] }
    })
  }),
  refuse: (request, code, { message: errorMessage }, { apiVersion }) => {
    const refused = { ...NOWHERE, errorCode: code, errorMessage }
    return apiVersion >= BATCHED
      ? { ...UNUSED, coordinators: request.coordinatorKeys.map((key) => ({ key, ...refused })) }
      : { ...refused, coordinators: [] }
  }
})

/** Why the coordinator of a key is not told. */
const refusalOf = (context: RequestContext, keyType: number, key: string): KafkaError | undefined => {
  if (keyType === SHARE_KEY) return context.apiVersion < SHARED ? new InvalidRequest() : undefined
  if (keyType === GROUP_KEY) {
    const message = "Group authorization failed."
    return context.may("describe", "group", key) ? undefined : new GroupAuthorizationFailed({ message })
  }
  const message = "Transactional Id authorization failed."
  return context.may("describe", "transactionalId", key)
    ? undefined
    : new TransactionalIdAuthorizationFailed({ message })
}

/** The key of a partition of a share group is the group, the topic's id and the partition's index. */
const resourcesOf = ({ coordinatorKeys, key, keyType }: FindCoordinatorRequest): Resources => {
  const keys = coordinatorKeys.length > 0 ? coordinatorKeys : [key]
  if (keyType === TRANSACTION_KEY) return { transactionalIds: keys }
  return { groups: keyType === SHARE_KEY ? keys.map((each) => each.replace(/:[^:]*:[^:]*$/, "")) : keys }
}

interface Found {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly error: KafkaError | undefined
}

/** As Apache Kafka says it: one key that is found has a message as well, and keys in batches have none. */
const told = ({ error, ...node }: Found, apiVersion: number) => ({
  ...node,
  errorCode: error === undefined ? NONE : errorCode(error),
  errorMessage: apiVersion >= BATCHED ? "" : error === undefined ? "NONE" : errorMessage(error)
})

const NOWHERE = { nodeId: -1, host: "", port: -1 }
/** What the fields of one key hold if keys come in batches. */
const UNUSED = { nodeId: 0, host: "", port: 0, errorCode: NONE, errorMessage: null }
