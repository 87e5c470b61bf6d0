// Serves: OffsetForLeaderEpoch in all versions: the end of a leader epoch in a partition.
// Left out: nothing.

import {
  errorCode,
  NONE,
  NotLeaderOrFollower,
  TopicAuthorizationFailed,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import type {
  OffsetForLeaderEpochRequest,
  OffsetForLeaderEpochResponse
} from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { Log } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { isEmptyPartition, topicByName } from "../topics/CoordinatorTopics.ts"
import { parted, permitsByCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { notLedHere, Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"

type AskedTopics = OffsetForLeaderEpochRequest["topics"]
type Asked = AskedTopics[number]["partitions"][number]

export const offsetForLeaderEpoch = handler({
  api: OffsetForLeaderEpoch,
  resources: ({ topics }) => ({ topics: topics.map(({ topic }) => topic) }),
  asks: [
    { operation: "describe", resourceType: "topic" },
    { operation: "clusterAction", resourceType: "cluster", of: "in the place of the topics" }
  ],
  reads: true,
  later: () => new NotLeaderOrFollower(),
  make: Effect.gen(function* () {
    const placement = yield* Placement
    const log = yield* Log
    const topics = yield* Topics

    const one = Effect.fnUntraced(function* (topic: string, asked: Asked) {
      const partitionId = topicByName(topics, topic)?.partitionIds[asked.partition]
      if (partitionId === undefined) return yield* Effect.fail(new UnknownTopicOrPartition())
      const elsewhere = notLedHere(placement, partitionId, asked.currentLeaderEpoch)
      if (elsewhere !== undefined) return yield* Effect.fail(elsewhere)
      if (isEmptyPartition(partitionId)) return answered(asked.partition, NONE)
      const end = yield* log.endOfEpoch(partitionId, asked.leaderEpoch)
      return answered(asked.partition, NONE, end?.epoch, end?.endOffset)
    })

    return Effect.fnUntraced(function* (request: OffsetForLeaderEpochRequest, context: RequestContext) {
      const mayDescribe = permitsByCluster(context, "clusterAction", "describe", "topic")
      const { allowed, refused } = parted(request.topics, mayDescribe, ({ topic }) => topic)
      const answers = yield* Effect.forEach(allowed, ({ partitions, topic }) =>
        Effect.map(
          Effect.forEach(partitions, (asked) =>
            Effect.catch(one(topic, asked), (error) => Effect.succeed(answered(asked.partition, errorCode(error))))
          ),
          (results) => ({ topic, partitions: results })
        )
      )
      return { topics: [...answers, ...refusedTopics(refused, TopicAuthorizationFailed.info.code)] }
    })
  }),
  refuse: ({ topics }, code) => ({ topics: refusedTopics(topics, code) })
})

const refusedTopics = (topics: AskedTopics, code: number): OffsetForLeaderEpochResponse["topics"] =>
  topics.map(({ partitions, topic }) => ({
    topic,
    partitions: partitions.map(({ partition }) => answered(partition, code))
  }))

const answered = (partition: number, code: number, leaderEpoch = -1, endOffset = -1n) => ({
  errorCode: code,
  partition,
  leaderEpoch,
  endOffset
})
