// Serves: ListPartitionReassignments: none.
// Left out: reassignments.
// Why: no partition is ever on its way to another broker.

import { errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ListPartitionReassignments } from "@tusk/protocol/messages/ListPartitionReassignments"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { CLUSTER, namesOf } from "../request/Resources.ts"

export const listPartitionReassignments = handler({
  api: ListPartitionReassignments,
  resources: ({ topics }) => (topics === null ? CLUSTER : { topics: namesOf(topics) }),
  reads: true,
  make: Effect.succeed(() => Effect.succeed({ errorCode: NONE, errorMessage: null, topics: [] })),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    topics: []
  })
})
