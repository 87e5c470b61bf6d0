import { CoordinatorNotAvailable, InvalidRequest, NONE } from "@tusk/protocol/KafkaError"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import type { FindCoordinatorRequest } from "@tusk/protocol/messages/FindCoordinator"
import * as Effect from "effect/Effect"
import { BrokerSettings } from "../BrokerSettings.ts"
import { handler } from "../Handler.ts"
import type { RequestContext } from "../Handler.ts"

/** Groups, transactional ids, share groups. */
const KEY_TYPES = [0, 1, 2]

export const findCoordinator = handler({
  api: FindCoordinator,
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const { nodeId } = yield* BrokerSettings
    return (request: FindCoordinatorRequest, { apiVersion, connection }: RequestContext) => {
      const { listener } = connection
      const unknown = !KEY_TYPES.includes(request.keyType)
      if (unknown) return Effect.fail(new InvalidRequest({ message: `Unknown key type ${request.keyType}.` }))
      const place = { nodeId, host: listener.advertisedHost, port: listener.advertisedPort, errorCode: NONE }
      const batched = apiVersion >= 4
      return Effect.succeed({
        throttleTimeMs: 0,
        errorMessage: null,
        ...(batched ? UNUSED : place),
        coordinators: batched ? request.coordinatorKeys.map((key) => ({ key, ...place, errorMessage: null })) : []
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
