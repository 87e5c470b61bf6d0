// Serves: ListPartitionReassignments: none.
// Left out: reassignments.
// Why: no partition is ever on its way to another broker.

import { errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ListPartitionReassignments } from "@tusk/protocol/messages/ListPartitionReassignments"
import type { ListPartitionReassignmentsRequest } from "@tusk/protocol/messages/ListPartitionReassignments"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER, namesOf } from "../request/Resources.ts"

export const listPartitionReassignments = handler({
  api: ListPartitionReassignments,
  resources: ({ topics }) => (topics === null ? CLUSTER : { topics: namesOf(topics) }),
  asks: [{ operation: "describe", resourceType: "cluster" }],
  reads: true,
  make: Effect.succeed((_request: ListPartitionReassignmentsRequest, context: RequestContext) =>
    Effect.as(authorizeCluster(context, "describe"), { errorCode: NONE, errorMessage: null, topics: [] })
  ),
  refuse: ({ topics }, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    // As Kafka: what was asked for.
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        replicas: [],
        addingReplicas: [],
        removingReplicas: []
      }))
    }))
  }),
  // Its lists have no place for an error.
  refuseTopics: (_request, errorCode, error) => ({ errorCode, errorMessage: errorMessage(error), topics: [] })
})
