// Serves: OffsetCommit in all versions, for members of a group and for clients outside it.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import type { OffsetToCommit } from "@tusk/coordinator/group/shell/GroupRequests"
import {
  CoordinatorNotAvailable,
  errorCode,
  GroupAuthorizationFailed,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import type { OffsetCommitRequest } from "@tusk/protocol/messages/OffsetCommit"
import { Topics } from "@tusk/storage/topics/Topics"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { refusedFirst } from "../groups/refusedFirst.ts"
import { permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { topicsOf } from "../request/Resources.ts"

/** From here on topics have ids. */
const TOPIC_IDS = 10

export const offsetCommit = handler({
  api: OffsetCommit,
  resources: ({ groupId, topics }) => ({ ...topicsOf(topics), groups: [groupId] }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "read", resourceType: "group" },
    { operation: "read", resourceType: "topic" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    const topics = yield* Topics
    return Effect.fnUntraced(function* (request: OffsetCommitRequest, context: RequestContext) {
      if (!context.may("read", "group", request.groupId)) return yield* new GroupAuthorizationFailed()
      const mayRead = permits(context, "read", "topic")
      const { apiVersion } = context
      const byId = apiVersion >= TOPIC_IDS
      const offsets: Array<OffsetToCommit> = []
      const partitions: Array<{ readonly topicId: string; readonly partition: number }> = []
      const places = request.topics.map((asked) => {
        const topic = byId ? topics.byId(asked.topicId) : topics.byName(asked.name)
        const refused = refusalOf(byId ? topic?.name : asked.name, topic, mayRead)
        return asked.partitions.map((partition): number | KafkaError => {
          if (refused !== undefined) return refused
          const partitionId = topic!.partitionIds[partition.partitionIndex]
          if (partitionId === undefined) return new UnknownTopicOrPartition()
          partitions.push({ topicId: topic!.topicId, partition: partition.partitionIndex })
          return (
            offsets.push({
              partitionId,
              offset: partition.committedOffset,
              leaderEpoch: partition.committedLeaderEpoch,
              metadata: partition.committedMetadata
            }) - 1
          )
        })
      })
      // As Apache Kafka: a group that is told of no offset says nothing of its member either.
      const results =
        offsets.length === 0
          ? []
          : yield* (
              groups
                .commitOffsets({
                  groupId: request.groupId,
                  memberId: request.memberId,
                  groupInstanceId: request.groupInstanceId,
                  generationId: request.generationIdOrMemberEpoch,
                  apiVersion,
                  transactional: false,
                  retentionTimeMs: request.retentionTimeMs,
                  offsets,
                  partitions
                })
                // What cannot be committed for another reason is told that one, whatever becomes of the rest.
                .pipe(Effect.catch((error: KafkaError) => Effect.succeed(offsets.map(() => error))))
            )
      const answered = request.topics.map(({ name, partitions, topicId }, i) => ({
        name,
        topicId,
        partitions: partitions.map(({ partitionIndex }, j) => {
          const place = places[i]![j]!
          const error = typeof place === "number" ? results[place] : place
          return { partitionIndex, errorCode: error ? errorCode(error) : NONE }
        })
      }))
      return { topics: refusedFirst(answered, (i, j) => typeof places[i]![j] !== "number") }
    })
  }),
  refuse: (request, code) => ({
    topics: request.topics.map(({ name, partitions, topicId }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code }))
    }))
  })
})

/** Why nothing is committed of a topic; one without a name has an id that is not known. */
const refusalOf = (
  name: string | undefined,
  topic: Topic | undefined,
  mayRead: (name: string) => boolean
): KafkaError | undefined => {
  if (name === undefined) return new UnknownTopicId()
  if (!mayRead(name)) return new TopicAuthorizationFailed()
  return topic === undefined ? new UnknownTopicOrPartition() : undefined
}
