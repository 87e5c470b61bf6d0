// Serves: ShareGroupHeartbeat 1: membership of a share group (KIP-932).
// Left out: version 0.
// Why: it was a preview, which no client of today sends.

import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { ShareGroups } from "@tusk/coordinator/group/shell/ShareGroups"
import { CoordinatorNotAvailable, errorMessage, NONE } from "@tusk/protocol/KafkaError"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import type { ShareGroupHeartbeatRequest } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import * as Effect from "effect/Effect"
import { memberRefusal } from "../groups/memberRefusal.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const shareGroupHeartbeat = handler({
  api: ShareGroupHeartbeat,
  resources: ({ groupId, subscribedTopicNames }) => ({ topics: subscribedTopicNames ?? [], groups: [groupId] }),
  // Version 0 was a preview.
  versions: [1, 1],
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "read", resourceType: "group" },
    { operation: "describe", resourceType: "topic", of: "each topic subscribed to" }
  ],
  make: Effect.gen(function* () {
    const configs = yield* GroupConfigs
    const groups = yield* ShareGroups
    return (request: ShareGroupHeartbeatRequest, context: RequestContext) => {
      const refused = memberRefusal(context, request.groupId, request.subscribedTopicNames)
      if (refused !== undefined) return Effect.fail(refused)
      const { clientId, connection } = context
      return Effect.map(
        groups.heartbeat({ ...request, clientId, clientHost: `/${connection.clientHost}` }),
        ({ assignment, memberEpoch }) => ({
          errorCode: NONE,
          errorMessage: null,
          memberId: request.memberId,
          memberEpoch,
          heartbeatIntervalMs: configs(request.groupId).shareHeartbeatIntervalMs,
          assignment: assignment && {
            topicPartitions: Array.from(assignment, ([topicId, partitions]) => ({ topicId, partitions }))
          }
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
