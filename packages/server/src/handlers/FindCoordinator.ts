// Serves: FindCoordinator in all versions, for groups, transactional ids and partitions of share groups.
// Left out: nothing.

import { CoordinatorNotAvailable, errorCode, InvalidRequest, NONE } from "@tusk/protocol/KafkaError"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import type { FindCoordinatorRequest } from "@tusk/protocol/messages/FindCoordinator"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { GROUP_KEY, Placement, SHARE_KEY, TRANSACTION_KEY } from "../request/Placement.ts"
import type { Resources } from "../request/Resources.ts"

const KEY_TYPES = [GROUP_KEY, TRANSACTION_KEY, SHARE_KEY]

export const findCoordinator = handler({
  api: FindCoordinator,
  resources: (request) => resourcesOf(request),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const placement = yield* Placement
    return (request: FindCoordinatorRequest, { apiVersion, connection }: RequestContext) => {
      const unknown = !KEY_TYPES.includes(request.keyType)
      if (unknown) return Effect.fail(new InvalidRequest({ message: `Unknown key type ${request.keyType}.` }))
      const brokers = placement.brokers(connection.listener)
      const find = (key: string) => {
        const coordinator = placement.coordinatorOf(request.keyType, key)
        const node = brokers.find(({ nodeId }) => nodeId === coordinator)
        if (node === undefined) return { ...NOWHERE, errorCode: errorCode(new CoordinatorNotAvailable()) }
        return { nodeId: node.nodeId, host: node.host, port: node.port, errorCode: NONE }
      }
      const batched = apiVersion >= 4
      return Effect.succeed({
        errorMessage: null,
        ...(batched ? UNUSED : find(request.key)),
        coordinators: batched ? request.coordinatorKeys.map((key) => ({ key, ...find(key), errorMessage: null })) : []
      })
    }
  }),
  refuse: (request, code, error, { apiVersion }) => ({
    ...(apiVersion >= 4 ? UNUSED : { ...NOWHERE, errorCode: code }),
    errorMessage: apiVersion >= 4 ? null : error.message,
    coordinators:
      apiVersion >= 4
        ? request.coordinatorKeys.map((key) => ({ key, ...NOWHERE, errorCode: code, errorMessage: error.message }))
        : []
  })
})

/** The key of a partition of a share group is the group, the topic's id and the partition's index. */
const resourcesOf = ({ coordinatorKeys, key, keyType }: FindCoordinatorRequest): Resources => {
  const keys = coordinatorKeys.length > 0 ? coordinatorKeys : [key]
  if (keyType === TRANSACTION_KEY) return { transactionalIds: keys }
  return { groups: keyType === SHARE_KEY ? keys.map((each) => each.replace(/:[^:]*:[^:]*$/, "")) : keys }
}

const NOWHERE = { nodeId: -1, host: "", port: -1, errorCode: NONE }
/** What the fields of one key hold if keys come in batches. */
const UNUSED = { nodeId: 0, host: "", port: 0, errorCode: NONE }
