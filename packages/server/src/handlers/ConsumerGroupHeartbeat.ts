// Serves: ConsumerGroupHeartbeat in all versions: membership of a consumer group (KIP-848).
// Left out: racks, which are kept and by which nothing is assigned.
// Why: there is one broker, in no rack.

import { ConsumerGroups, toTopicPartitions } from "@tusk/coordinator/group/shell/ConsumerGroups"
import { CoordinatorNotAvailable, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import type { ConsumerGroupHeartbeatRequest } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import * as Effect from "effect/Effect"
import { memberRefusal } from "../groups/memberRefusal.ts"
import { visibleTopics } from "../groups/visibleTopics.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const consumerGroupHeartbeat = handler({
  api: ConsumerGroupHeartbeat,
  resources: ({ groupId, subscribedTopicNames }) => ({ topics: subscribedTopicNames ?? [], groups: [groupId] }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "read", resourceType: "group" },
    {
      operation: "describe",
      resourceType: "topic",
      of: "each topic named; a regular expression stands for those alone"
    }
  ],
  make: Effect.gen(function* () {
    const groups = yield* ConsumerGroups
    return (request: ConsumerGroupHeartbeatRequest, context: RequestContext) => {
      const refused = memberRefusal(context, request.groupId, request.subscribedTopicNames)
      if (refused !== undefined) return Effect.fail(refused)
      const { apiVersion, clientId, connection } = context
      const clientHost = `/${connection.clientHost}`
      return Effect.map(
        groups.heartbeat({ ...request, apiVersion, clientId, clientHost, mayDescribe: visibleTopics(context) }),
        ({ assignment, heartbeatIntervalMs, memberEpoch, memberId }) => ({
          errorCode: NONE,
          errorMessage: null,
          memberId,
          memberEpoch,
          heartbeatIntervalMs,
          assignment: assignment && { topicPartitions: toTopicPartitions(assignment) }
        })
      )
    }
  }),
  refuse: (_request, errorCode, error) => ({
    errorCode,
    errorMessage: errorMessage(error),
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null
  })
})
