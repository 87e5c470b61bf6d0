import { errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ListPartitionReassignments } from "@tusk/protocol/messages/ListPartitionReassignments"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

/** No partition is ever on its way to another broker. */
export const listPartitionReassignments = handler({
  api: ListPartitionReassignments,
  reads: true,
  make: Effect.succeed(() => Effect.succeed({ throttleTimeMs: 0, errorCode: NONE, errorMessage: null, topics: [] })),
  refuse: (_request, errorCode, error) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage: errorMessage(error),
    topics: []
  })
})
