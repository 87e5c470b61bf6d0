// Serves: OffsetDelete in all versions: forgets committed offsets of topics to which no member of the group is subscribed.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import {
  CoordinatorNotAvailable,
  errorCode,
  GroupAuthorizationFailed,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { OffsetDelete } from "@tusk/protocol/messages/OffsetDelete"
import type { OffsetDeleteRequest } from "@tusk/protocol/messages/OffsetDelete"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { refusedFirst } from "../groups/refusedFirst.ts"
import { permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { namesOf } from "../request/Resources.ts"

export const offsetDelete = handler({
  api: OffsetDelete,
  resources: ({ groupId, topics }) => ({ topics: namesOf(topics), groups: [groupId] }),
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "delete", resourceType: "group" },
    { operation: "read", resourceType: "topic" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    const topics = yield* Topics
    return Effect.fnUntraced(function* (request: OffsetDeleteRequest, context: RequestContext) {
      if (!context.may("delete", "group", request.groupId)) return yield* new GroupAuthorizationFailed()
      const mayRead = permits(context, "read", "topic")
      const asked = request.topics.map(({ name, partitions }) => {
        const refused = mayRead(name) ? undefined : new TopicAuthorizationFailed()
        const ids = topics.byName(name)?.partitionIds
        const places = partitions.map(
          ({ partitionIndex }): number | KafkaError => refused ?? ids?.[partitionIndex] ?? new UnknownTopicOrPartition()
        )
        return { name, partitions, places }
      })
      const errors = yield* groups.deleteOffsets({
        groupId: request.groupId,
        topics: asked.map(({ name, places }) => ({
          name,
          partitionIds: places.filter((place) => typeof place === "number")
        }))
      })
      const answered = asked.map(({ name, partitions, places }, i) => ({
        name,
        partitions: partitions.map(({ partitionIndex }, j) => {
          const place = places[j]!
          const error = typeof place === "number" ? errors[i] : place
          return { partitionIndex, errorCode: error ? errorCode(error) : NONE }
        })
      }))
      return { errorCode: NONE, topics: refusedFirst(answered, (i, j) => typeof asked[i]!.places[j] !== "number") }
    })
  }),
  refuse: (_request, code) => ({ errorCode: code, topics: [] })
})
