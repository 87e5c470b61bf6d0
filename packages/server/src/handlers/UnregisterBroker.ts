// Serves: UnregisterBroker: no other broker is registered, and this one serves.
// Left out: registrations.
// Why: a broker is known by the lock that it holds, and forgotten with it.

import { BrokerIdNotRegistered, errorMessage, InvalidRequest } from "@tusk/protocol/KafkaError"
import { UnregisterBroker } from "@tusk/protocol/messages/UnregisterBroker"
import type { UnregisterBrokerRequest } from "@tusk/protocol/messages/UnregisterBroker"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

export const unregisterBroker = handler({
  api: UnregisterBroker,
  resources: () => CLUSTER,
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const placement = yield* Placement
    return Effect.fnUntraced(function* ({ brokerId }: UnregisterBrokerRequest, context: RequestContext) {
      yield* authorizeCluster(context, "alter")
      return yield* placement.nodeIds().has(brokerId)
        ? new InvalidRequest({ message: `Broker ${brokerId} serves this cluster: it is forgotten when it stops.` })
        : new BrokerIdNotRegistered({ message: `Broker ID ${brokerId} is not currently registered` })
    })
  }),
  refuse: (_request, errorCode, error) => ({ errorCode, errorMessage: errorMessage(error) })
})
