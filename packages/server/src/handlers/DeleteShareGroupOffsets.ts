// Serves: DeleteShareGroupOffsets: forgets the topics of a share group without members.
// Left out: nothing.

import { ShareGroups } from "@tusk/coordinator/group/shell/ShareGroups"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import {
  CoordinatorNotAvailable,
  errorCode,
  errorMessage,
  NONE,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import { DeleteShareGroupOffsets } from "@tusk/protocol/messages/DeleteShareGroupOffsets"
import type { DeleteShareGroupOffsetsRequest } from "@tusk/protocol/messages/DeleteShareGroupOffsets"
import { Topics } from "@tusk/storage/topics/Topics"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

export const deleteShareGroupOffsets = handler({
  api: DeleteShareGroupOffsets,
  resources: ({ groupId, topics }) => ({ topics: topics.map(({ topicName }) => topicName), groups: [groupId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* ShareGroups
    const shared = yield* SharePartitions
    const topics = yield* Topics

    return Effect.fnUntraced(function* (request: DeleteShareGroupOffsetsRequest) {
      const { groupId } = request
      const responses = yield* groups.whileEmpty(
        groupId,
        Effect.forEach(request.topics, ({ topicName }) => {
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
      return { errorCode: NONE, errorMessage: null, responses }
    })
  }),
  refuse: (_request, code, error) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    responses: []
  })
})
