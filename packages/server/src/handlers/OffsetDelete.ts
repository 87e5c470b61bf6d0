// Serves: OffsetDelete in all versions: forgets committed offsets of topics to which no member of the group is subscribed.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { CoordinatorNotAvailable, errorCode, NONE, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import { OffsetDelete } from "@tusk/protocol/messages/OffsetDelete"
import type { OffsetDeleteRequest } from "@tusk/protocol/messages/OffsetDelete"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import { namesOf } from "../request/Resources.ts"

export const offsetDelete = handler({
  api: OffsetDelete,
  resources: ({ groupId, topics }) => ({ topics: namesOf(topics), groups: [groupId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* Groups
    const topics = yield* Topics
    return Effect.fnUntraced(function* (request: OffsetDeleteRequest) {
      const asked = request.topics.map(({ name, partitions }) => ({
        name,
        partitions,
        partitionIds: partitions.map(({ partitionIndex }) => topics.byName(name)?.partitionIds[partitionIndex])
      }))
      const errors = yield* groups.deleteOffsets({
        groupId: request.groupId,
        topics: asked.map(({ name, partitionIds }) => ({
          name,
          partitionIds: partitionIds.filter((partitionId) => partitionId !== undefined)
        }))
      })
      const unknown = errorCode(new UnknownTopicOrPartition())
      return {
        errorCode: NONE,
        topics: asked.map(({ name, partitionIds, partitions }, i) => ({
          name,
          partitions: partitions.map(({ partitionIndex }, j) => {
            const error = errors[i]
            return {
              partitionIndex,
              errorCode: partitionIds[j] === undefined ? unknown : error ? errorCode(error) : NONE
            }
          })
        }))
      }
    })
  }),
  refuse: (_request, code) => ({ errorCode: code, topics: [] })
})
