import { CoordinatorNotAvailable, errorCode, InvalidRequest, NONE } from "@tusk/protocol/KafkaError"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import type { FindCoordinatorRequest } from "@tusk/protocol/messages/FindCoordinator"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/Handler.ts"
import { GROUP_KEY, Placement, SHARE_KEY, TRANSACTION_KEY } from "../request/Placement.ts"

const KEY_TYPES = [GROUP_KEY, TRANSACTION_KEY, SHARE_KEY]

export const findCoordinator = handler({
  api: FindCoordinator,
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
        throttleTimeMs: 0,
        errorMessage: null,
        ...(batched ? UNUSED : find(request.key)),
        coordinators: batched ? request.coordinatorKeys.map((key) => ({ key, ...find(key), errorMessage: null })) : []
      })
    }
  }),
  refuse: (request, code, error, { apiVersion }) => ({
    throttleTimeMs: 0,
    ...(apiVersion >= 4 ? UNUSED : { ...NOWHERE, errorCode: code }),
    errorMessage: apiVersion >= 4 ? null : error.message,
    coordinators:
      apiVersion >= 4
        ? request.coordinatorKeys.map((key) => ({ key, ...NOWHERE, errorCode: code, errorMessage: error.message }))
        : []
  })
})

const NOWHERE = { nodeId: -1, host: "", port: -1, errorCode: NONE }
/** What the fields of one key hold where keys come in batches. */
const UNUSED = { nodeId: 0, host: "", port: 0, errorCode: NONE }
