// Serves: DescribeTopicPartitions: pages through topics in order of names, and their partitions (KIP-966).
// Left out: eligible leader replicas.
// Why: the copies of the data are the database's.

import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  errorCode,
  InvalidRequest,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import { DescribeTopicPartitions } from "@tusk/protocol/messages/DescribeTopicPartitions"
import type {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse
} from "@tusk/protocol/messages/DescribeTopicPartitions"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../request/Authorization.ts"
import { allTopics, topicByName } from "../topics/CoordinatorTopics.ts"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER, namesOf } from "../request/Resources.ts"
import { Placement, replicaStates } from "../request/Placement.ts"
import { invalidTopicName, isInternalTopic } from "../topics/TopicNames.ts"

type Topic = DescribeTopicPartitionsResponse["topics"][number]

/** Kafka's `max.request.partition.size.limit`. */
const MOST_PARTITIONS = 2000

export const describeTopicPartitions = handler({
  api: DescribeTopicPartitions,
  resources: ({ topics }) => (topics.length === 0 ? CLUSTER : { topics: namesOf(topics) }),
  asks: [{ operation: "describe", resourceType: "topic" }],
  reads: true,
  make: Effect.gen(function* () {
    const placement = yield* Placement
    const topics = yield* Topics

    return (request: DescribeTopicPartitionsRequest, context: RequestContext) => {
      const { cursor } = request
      const stateOf = replicaStates(placement)
      if (cursor !== null && cursor.partitionIndex < 0) {
        return Effect.fail(new InvalidRequest({ message: "The cursor's partition index is negative." }))
      }
      const all =
        request.topics.length === 0
          ? allTopics(topics).map((topic) => topic.name)
          : Array.from(new Set(request.topics.map(({ name }) => name))).sort()
      const asked = cursor === null ? all : all.filter((name) => name >= cursor.topicName)
      let left = Math.max(1, Math.min(request.responsePartitionLimit, MOST_PARTITIONS))
      let nextCursor: DescribeTopicPartitionsResponse["nextCursor"] = null
      const { allowed, refused } = parted(asked, permits(context, "describe", "topic"), (name) => name)
      const found: Array<Topic> = []
      for (const name of allowed) {
        const topic = topicByName(topics, name)
        if (topic === undefined) {
          const code = errorCode(invalidTopicName(name) ?? new UnknownTopicOrPartition())
          found.push(absent(name, code, authorizedOperations(context, "topic", name)))
          continue
        }
        if (left === 0) {
          nextCursor = { topicName: name, partitionIndex: 0 }
          break
        }
        const from = cursor !== null && name === cursor.topicName ? cursor.partitionIndex : 0
        const to = Math.min(topic.partitionIds.length, from + left)
        const partitions: Array<Topic["partitions"][number]> = []
        for (let partitionIndex = from; partitionIndex < to; partitionIndex++) {
          partitions.push({
            partitionIndex,
            ...stateOf(topic.partitionIds[partitionIndex]!),
            eligibleLeaderReplicas: [],
            lastKnownElr: []
          })
        }
        left -= partitions.length
        found.push({
          errorCode: NONE,
          name,
          topicId: topic.topicId,
          isInternal: isInternalTopic(topic.name),
          partitions,
          topicAuthorizedOperations: authorizedOperations(context, "topic", name)
        })
        if (to < topic.partitionIds.length) {
          nextCursor = { topicName: name, partitionIndex: to }
          break
        }
      }
      // Of all topics those are left out that the principal may not know of.
      const hidden = request.topics.length === 0 ? [] : refused
      const refusals = hidden.map((name) => absent(name, TopicAuthorizationFailed.info.code))
      return Effect.succeed({ topics: [...found, ...refusals], nextCursor })
    }
  }),
  refuse: (request, code, _error, { connection }) => {
    // Only topics have a place for an error: to name none of them would say that there is none.
    if (request.topics.length === 0) {
      connection.close("a DescribeTopicPartitions request for all topics is refused, and no answer can tell")
      return undefined
    }
    return { topics: request.topics.map(({ name }) => absent(name, code)), nextCursor: null }
  }
})

const absent = (name: string, code: number, operations = OPERATIONS_NOT_ASKED): Topic => ({
  errorCode: code,
  name,
  topicId: ZERO_UUID,
  isInternal: false,
  partitions: [],
  topicAuthorizedOperations: operations
})
