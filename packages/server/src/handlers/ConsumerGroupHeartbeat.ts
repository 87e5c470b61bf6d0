import { ConsumerGroups, toTopicPartitions } from "@tusk/coordinator/group/shell/ConsumerGroups"
import { CoordinatorNotAvailable, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import type { ConsumerGroupHeartbeatRequest } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/Handler.ts"

export const consumerGroupHeartbeat = handler({
  api: ConsumerGroupHeartbeat,
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    return (request: ConsumerGroupHeartbeatRequest, { apiVersion, clientId, connection }: RequestContext) =>
      Effect.map(
        groups.heartbeat({ ...request, apiVersion, clientId, clientHost: `/${connection.clientHost}` }),
        ({ assignment, heartbeatIntervalMs, memberEpoch, memberId }) => ({
          throttleTimeMs: 0,
          errorCode: NONE,
          errorMessage: null,
          memberId,
          memberEpoch,
          heartbeatIntervalMs,
          assignment: assignment && { topicPartitions: toTopicPartitions(assignment) }
        })
      )
  }),
  refuse: (_request, errorCode, error) => ({
    throttleTimeMs: 0,
    errorCode,
    errorMessage: errorMessage(error),
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null
  })
})
