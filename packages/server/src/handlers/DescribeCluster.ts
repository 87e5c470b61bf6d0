// Serves: DescribeCluster in all versions, of brokers.
// Left out: endpoints of controllers, with MISMATCHED_ENDPOINT_TYPE; fenced brokers.
// Why: there is no controller beside the brokers; only brokers that serve are known.

import { errorMessage, MismatchedEndpointType, NONE, UnsupportedEndpointType } from "@tusk/protocol/KafkaError"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import type { DescribeClusterRequest } from "@tusk/protocol/messages/DescribeCluster"
import { Active } from "@tusk/storage/commit/Active"
import * as Effect from "effect/Effect"
import { OPERATIONS_NOT_ASKED } from "../request/Authorization.ts"
import { operationsOnCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { Placement } from "../request/Placement.ts"

const BROKERS = 1
const CONTROLLERS = 2

export const describeCluster = handler({
  api: DescribeCluster,
  resources: () => CLUSTER,
  asks: [{ operation: "describe", resourceType: "cluster", of: "to tell what it may do to it" }],
  reads: true,
  make: Effect.gen(function* () {
    const active = yield* Active
    const placement = yield* Placement
    return (request: DescribeClusterRequest, context: RequestContext) => {
      if (request.endpointType === CONTROLLERS) {
        return Effect.fail(new MismatchedEndpointType({ message: "This is a broker's listener, not a controller's." }))
      }
      if (request.endpointType !== BROKERS) {
        return Effect.fail(new UnsupportedEndpointType({ message: `Unknown endpoint type ${request.endpointType}.` }))
      }
      return Effect.succeed({
        errorCode: NONE,
        errorMessage: null,
        endpointType: BROKERS,
        clusterId: active.clusterId,
        controllerId: placement.controller(),
        brokers: placement
          .brokers(context.connection.listener)
          .map(({ host, nodeId, port, rack }) => ({ brokerId: nodeId, host, port, rack, isFenced: false })),
        clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
          ? operationsOnCluster(context)
          : OPERATIONS_NOT_ASKED
      })
    }
  }),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    endpointType: BROKERS,
    clusterId: "",
    controllerId: -1,
    brokers: [],
    clusterAuthorizedOperations: OPERATIONS_NOT_ASKED
  })
})
