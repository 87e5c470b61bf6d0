// Serves: DeleteShareGroupOffsets: forgets the topics of a share group without members.
// Left out: nothing.

import { ShareGroups } from "@tusk/coordinator/group/shell/ShareGroups"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import {
  CoordinatorNotAvailable,
  errorCode,
  errorMessage,
  GroupAuthorizationFailed,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import { DeleteShareGroupOffsets } from "@tusk/protocol/messages/DeleteShareGroupOffsets"
import type { DeleteShareGroupOffsetsRequest } from "@tusk/protocol/messages/DeleteShareGroupOffsets"
import { Topics } from "@tusk/storage/topics/Topics"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import * as Effect from "effect/Effect"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const deleteShareGroupOffsets = handler({
  api: DeleteShareGroupOffsets,
  resources: ({ groupId, topics }) => ({ topics: topics.map(({ topicName }) => topicName), groups: [groupId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "delete", resourceType: "group" },
    { operation: "read", resourceType: "topic" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* ShareGroups
    const shared = yield* SharePartitions
    const topics = yield* Topics

    return Effect.fnUntraced(function* (request: DeleteShareGroupOffsetsRequest, context: RequestContext) {
      const { groupId } = request
      if (!context.may("delete", "group", groupId)) {
        return yield* new GroupAuthorizationFailed({ message: "Group authorization failed." })
      }
      const asked = parted(request.topics, permits(context, "read", "topic"), ({ topicName }) => topicName)
      const responses = yield* groups.whileEmpty(
        groupId,
        Effect.forEach(asked.allowed, ({ topicName }) => {
          const topic = topics.byName(topicName)
          const removed =
            topic === undefined
              ? Effect.fail(new UnknownTopicOrPartition())
              : shared.remove(groupId, topic.partitionIds)
          const answer = { topicName, topicId: topic?.topicId ?? ZERO_UUID }
          return removed.pipe(
            Effect.as({ ...answer, errorCode: NONE, errorMessage: null as string | null }),
            Effect.catch((error) =>
              Effect.succeed({ ...answer, errorCode: errorCode(error), errorMessage: errorMessage(error) })
            )
          )
        })
      )
      const forbidden = asked.refused.map(({ topicName }) => ({ topicName, ...FORBIDDEN }))
      return { errorCode: NONE, errorMessage: null, responses: [...forbidden, ...responses] }
    })
  }),
  refuse: (_request, code, error) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    responses: []
  })
})

const FORBIDDEN = {
  topicId: ZERO_UUID,
  errorCode: errorCode(new TopicAuthorizationFailed()),
  errorMessage: "Topic authorization failed."
}
