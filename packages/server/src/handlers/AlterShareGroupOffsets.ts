// Serves: AlterShareGroupOffsets: sets the offsets at which a share group without members starts.
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
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { AlterShareGroupOffsets } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import type { AlterShareGroupOffsetsRequest } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import { Topics } from "@tusk/storage/topics/Topics"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import * as Effect from "effect/Effect"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

export const alterShareGroupOffsets = handler({
  api: AlterShareGroupOffsets,
  resources: ({ groupId, topics }) => ({ topics: topics.map(({ topicName }) => topicName), groups: [groupId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "read", resourceType: "group" },
    { operation: "read", resourceType: "topic" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* ShareGroups
    const shared = yield* SharePartitions
    const topics = yield* Topics

    const one = (groupId: string, name: string, index: number, offset: bigint): Effect.Effect<KafkaError | null> => {
      const partitionId = topics.byName(name)?.partitionIds[index]
      if (partitionId === undefined) return Effect.succeed(new UnknownTopicOrPartition({ message: NOT_HERE }))
      return shared.setStart(groupId, partitionId, offset).pipe(
        Effect.as(null),
        Effect.catch((error) => Effect.succeed(error))
      )
    }

    return Effect.fnUntraced(function* (request: AlterShareGroupOffsetsRequest, context: RequestContext) {
      const { groupId } = request
      if (!context.may("read", "group", groupId)) {
        return yield* new GroupAuthorizationFailed({ message: "Group authorization failed." })
      }
      const asked = parted(request.topics, permits(context, "read", "topic"), ({ topicName }) => topicName)
      // A group that is not there begins with its offsets, as in Apache Kafka.
      yield* groups.make(groupId)
      const responses = yield* groups.whileEmpty(
        groupId,
        Effect.forEach(asked.allowed, ({ partitions, topicName }) =>
          Effect.map(
            Effect.forEach(partitions, ({ partitionIndex, startOffset }) =>
              Effect.map(one(groupId, topicName, partitionIndex, startOffset), (error) => ({
                partitionIndex,
                errorCode: error === null ? NONE : errorCode(error),
                errorMessage: error === null ? null : errorMessage(error)
              }))
            ),
            (results) => ({
              topicName,
              topicId: topics.byName(topicName)?.topicId ?? ZERO_UUID,
              partitions: results
            })
          )
        )
      )
      return { errorCode: NONE, errorMessage: null, responses: [...asked.refused.map(forbidden), ...responses] }
    })
  }),
  refuse: (_request, code, error) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    responses: []
  })
})

const NOT_HERE = "This server does not host this topic-partition."

/** Apache Kafka tells the topic's id: that it is there is nothing for one who may not know of it. */
const forbidden = ({ partitions, topicName }: AlterShareGroupOffsetsRequest["topics"][number]) => ({
  topicName,
  topicId: ZERO_UUID,
  partitions: partitions.map(({ partitionIndex }) => ({
    partitionIndex,
    errorCode: FORBIDDEN,
    errorMessage: "Topic authorization failed."
  }))
})
const FORBIDDEN = errorCode(new TopicAuthorizationFailed())
