// Serves: RemoveRaftVoter: says that the quorum cannot change.
// Left out: voters.
// Why: the database's lock says who writes; nobody votes.

import { errorMessage } from "@tusk/protocol/KafkaError"
import { RemoveRaftVoter } from "@tusk/protocol/messages/RemoveRaftVoter"
import type { RemoveRaftVoterRequest } from "@tusk/protocol/messages/RemoveRaftVoter"
import { Active } from "@tusk/storage/commit/Active"
import * as Effect from "effect/Effect"
import { authorizeCluster, clusterRefused } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { voterProblem } from "../request/voters.ts"

export const removeRaftVoter = handler({
  api: RemoveRaftVoter,
  resources: () => CLUSTER,
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: true,
  make: Effect.map(
    Active,
    ({ clusterId }) =>
      (request: RemoveRaftVoterRequest, context: RequestContext) =>
        Effect.andThen(
          authorizeCluster(context, "alter", clusterRefused),
          Effect.fail(voterProblem("remove", clusterId, request))
        )
  ),
  refuse: (_request, errorCode, error) => ({ errorCode, errorMessage: errorMessage(error) })
})
