// Serves: OffsetCommit in all versions, for members of a group and for clients outside it.
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import type { OffsetToCommit } from "@tusk/coordinator/group/shell/GroupRequests"
import {
  CoordinatorNotAvailable,
  errorCode,
  NONE,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import type { OffsetCommitRequest } from "@tusk/protocol/messages/OffsetCommit"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { topicsOf } from "../request/Resources.ts"

export const offsetCommit = handler({
  api: OffsetCommit,
  resources: ({ groupId, topics }) => ({ ...topicsOf(topics), groups: [groupId] }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  make: Effect.gen(function* () {
    const groups = yield* Groups
    const topics = yield* Topics
    return Effect.fnUntraced(function* (request: OffsetCommitRequest, { apiVersion }: RequestContext) {
      const byId = apiVersion >= 10
      const offsets: Array<OffsetToCommit> = []
      const partitions: Array<{ readonly topicId: string; readonly partition: number }> = []
      const places = request.topics.map((asked) => {
        const topic = byId ? topics.byId(asked.topicId) : topics.byName(asked.name)
        return asked.partitions.map((partition): number | KafkaError => {
          const partitionId = topic?.partitionIds[partition.partitionIndex]
          if (partitionId === undefined) {
            return topic === undefined && byId ? new UnknownTopicId() : new UnknownTopicOrPartition()
          }
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
      const results = yield* groups.commitOffsets({
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
      return {
        topics: request.topics.map(({ name, partitions, topicId }, i) => ({
          name,
          topicId,
          partitions: partitions.map(({ partitionIndex }, j) => {
            const place = places[i]![j]!
            const error = typeof place === "number" ? results[place] : place
            return { partitionIndex, errorCode: error ? errorCode(error) : NONE }
          })
        }))
      }
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
