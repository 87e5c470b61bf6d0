// Serves: DescribeProducers.
// Left out: nothing.

import { errorCode, errorMessage, NONE, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { DescribeProducers } from "@tusk/protocol/messages/DescribeProducers"
import type { DescribeProducersRequest, PartitionResponse } from "@tusk/protocol/messages/DescribeProducers"
import { Log } from "@tusk/storage/log/Log"
import type { ActiveProducer } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { permits, topicRefused } from "../request/authorizing.ts"
import type { Permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { notLedHere, Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { namesOf } from "../request/Resources.ts"
import { isEmptyPartition, topicByName } from "../topics/CoordinatorTopics.ts"
import { invalidTopicName } from "../topics/TopicNames.ts"

export const describeProducers = handler({
  api: DescribeProducers,
  resources: ({ topics }) => ({ topics: namesOf(topics) }),
  asks: [{ operation: "read", resourceType: "topic" }],
  reads: true,
  make: Effect.gen(function* () {
    const log = yield* Log
    const placement = yield* Placement
    const topics = yield* Topics

    const producersOf = (
      name: string,
      index: number,
      mayRead: Permits
    ): Effect.Effect<ReadonlyArray<ActiveProducer>, KafkaError> => {
      const invalid = invalidTopicName(name)
      if (invalid !== undefined) return Effect.fail(invalid)
      if (!mayRead(name)) return Effect.fail(topicRefused())
      const topic = topicByName(topics, name)
      if (topic === undefined) {
        return Effect.fail(new UnknownTopicOrPartition({ message: "This server does not host this topic-partition." }))
      }
      const partitionId = topic.partitionIds[index]
      if (partitionId === undefined) return Effect.fail(new UnknownTopicOrPartition())
      const elsewhere = notLedHere(placement, partitionId, -1)
      if (elsewhere !== undefined) return Effect.fail(elsewhere)
      return isEmptyPartition(partitionId) ? Effect.succeed([]) : log.producers(partitionId)
    }

    return ({ topics: asked }: DescribeProducersRequest, context: RequestContext) => {
      const mayRead = permits(context, "read", "topic")
      return Effect.map(
        Effect.forEach(asked, ({ name, partitionIndexes }) =>
          Effect.map(
            Effect.forEach(partitionIndexes, (index) =>
              Effect.match(producersOf(name, index, mayRead), {
                onFailure: (error) => refused(index, errorCode(error), errorMessage(error)),
                onSuccess: (producers) => ({ ...refused(index, NONE, null), activeProducers: producers.map(told) })
              })
            ),
            (partitions) => ({ name, partitions })
          )
        ),
        (answers) => ({ topics: answers })
      )
    }
  }),
  refuse: ({ topics }, code, error) => ({
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => refused(index, code, errorMessage(error)))
    }))
  })
})

const told = ({ transactionStartOffset, ...producer }: ActiveProducer) => ({
  ...producer,
  currentTxnStartOffset: transactionStartOffset
})

const refused = (partitionIndex: number, code: number, message: string | null): PartitionResponse => ({
  partitionIndex,
  errorCode: code,
  errorMessage: message,
  activeProducers: []
})
