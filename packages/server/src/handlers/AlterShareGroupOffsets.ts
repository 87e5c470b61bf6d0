// Serves: AlterShareGroupOffsets: sets the offsets at which a share group without members starts.
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
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { AlterShareGroupOffsets } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import type { AlterShareGroupOffsetsRequest } from "@tusk/protocol/messages/AlterShareGroupOffsets"
import { Topics } from "@tusk/storage/topics/Topics"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"

export const alterShareGroupOffsets = handler({
  api: AlterShareGroupOffsets,
  resources: ({ groupId, topics }) => ({ topics: topics.map(({ topicName }) => topicName), groups: [groupId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* ShareGroups
    const shared = yield* SharePartitions
    const topics = yield* Topics

    const one = (groupId: string, name: string, index: number, offset: bigint): Effect.Effect<KafkaError | null> => {
      const partitionId = topics.byName(name)?.partitionIds[index]
      if (partitionId === undefined) return Effect.succeed(new UnknownTopicOrPartition())
      return shared.setStart(groupId, partitionId, offset).pipe(
        Effect.as(null),
        Effect.catch((error) => Effect.succeed(error))
      )
    }

    return Effect.fnUntraced(function* (request: AlterShareGroupOffsetsRequest) {
      const { groupId } = request
      // A group that is not there begins with its offsets, as in Apache Kafka.
      yield* groups.make(groupId)
      const responses = yield* groups.whileEmpty(
        groupId,
        Effect.forEach(request.topics, ({ partitions, topicName }) =>
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
      return { errorCode: NONE, errorMessage: null, responses }
    })
  }),
  refuse: (_request, code, error) => ({
    errorCode: code,
    errorMessage: errorMessage(error),
    responses: []
  })
})
