// Serves: OffsetForLeaderEpoch in all versions: the end of a leader epoch in a partition.
// Left out: nothing.

import { errorCode, NONE, NotLeaderOrFollower, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import type { OffsetForLeaderEpochRequest } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { Log } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { isEmptyPartition, topicByName } from "../topics/CoordinatorTopics.ts"
import { handler } from "../request/Handler.ts"
import { notLedHere, Placement } from "../request/Placement.ts"

type Asked = OffsetForLeaderEpochRequest["topics"][number]["partitions"][number]

export const offsetForLeaderEpoch = handler({
  api: OffsetForLeaderEpoch,
  resources: ({ topics }) => ({ topics: topics.map(({ topic }) => topic) }),
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

    return Effect.fnUntraced(function* (request: OffsetForLeaderEpochRequest) {
      return {
        topics: yield* Effect.forEach(request.topics, ({ partitions, topic }) =>
          Effect.map(
            Effect.forEach(partitions, (asked) =>
              Effect.catch(one(topic, asked), (error) => Effect.succeed(answered(asked.partition, errorCode(error))))
            ),
            (results) => ({ topic, partitions: results })
          )
        )
      }
    })
  }),
  refuse: (request, code) => ({
    topics: request.topics.map(({ partitions, topic }) => ({
      topic,
      partitions: partitions.map(({ partition }) => answered(partition, code))
    }))
  })
})

const answered = (partition: number, code: number, leaderEpoch = -1, endOffset = -1n) => ({
  errorCode: code,
  partition,
  leaderEpoch,
  endOffset
})
