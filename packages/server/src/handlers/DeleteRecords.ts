// Serves: DeleteRecords in all versions: raises the start of partitions.
// Left out: `timeoutMs`.
// Why: `request.timeout.ms` ends every wait for the store.

import {
  errorCode,
  NONE,
  OffsetOutOfRange,
  PolicyViolation,
  TopicAuthorizationFailed,
  UnknownTopicOrPartition,
  InvalidTopicException
} from "@tusk/protocol/KafkaError"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import type { DeleteRecordsPartition, DeleteRecordsRequest } from "@tusk/protocol/messages/DeleteRecords"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import { Retention } from "@tusk/storage/log/retention/Retention"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { isInternalTopic } from "../topics/TopicNames.ts"
import { permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { namesOf } from "../request/Resources.ts"
import { notLedHere, Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { TopicSettings } from "../topics/TopicSettings.ts"

const HIGH_WATERMARK = -1n

export const deleteRecords = handler({
  api: DeleteRecords,
  resources: ({ topics }) => ({ topics: namesOf(topics) }),
  asks: [{ operation: "delete", resourceType: "topic" }],
  reads: false,
  make: Effect.gen(function* () {
    const log = yield* Log
    const settings = yield* TopicSettings
    const retention = yield* Retention
    const topics = yield* Topics
    const placement = yield* Placement

    const one = Effect.fnUntraced(function* (topic: string, { offset, partitionIndex }: DeleteRecordsPartition) {
      if (isInternalTopic(topic)) return yield* Effect.fail(new InvalidTopicException())
      const partitionId = topics.byName(topic)?.partitionIds[partitionIndex]
      if (partitionId === undefined) return yield* Effect.fail(new UnknownTopicOrPartition())
      const elsewhere = notLedHere(placement, partitionId, -1)
      if (elsewhere !== undefined) return yield* Effect.fail(elsewhere)
      const { deletes, importing } = settings.of(topic)
      // The start of a log that is imported is that of its source, compacted or not.
      if (!deletes && !importing) return yield* Effect.fail(new PolicyViolation())
      const [end] = yield* log.ends([partitionId])
      if (end === undefined) return yield* Effect.fail(new UnknownTopicOrPartition())
      if (isKafkaError(end)) return yield* Effect.fail(end)
      const below = offset === HIGH_WATERMARK ? end.highWatermark : offset
      if (below < 0n) return yield* Effect.fail(new OffsetOutOfRange())
      const logStartOffset = yield* log.raiseLogStart(partitionId, below)
      yield* retention.reclaim([partitionId])
      return answered(partitionIndex, NONE, logStartOffset)
    })

    return Effect.fnUntraced(function* (request: DeleteRecordsRequest, context: RequestContext) {
      const mayDelete = permits(context, "delete", "topic")
      return {
        topics: yield* Effect.forEach(request.topics, ({ name, partitions }) =>
          Effect.map(
            Effect.forEach(partitions, (asked) =>
              Effect.catch(mayDelete(name) ? one(name, asked) : Effect.fail(new TopicAuthorizationFailed()), (error) =>
                Effect.succeed(answered(asked.partitionIndex, errorCode(error)))
              )
            ),
            (results) => ({ name, partitions: results })
          )
        )
      }
    })
  }),
  refuse: (request, code) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => answered(partitionIndex, code))
    }))
  })
})

const answered = (partitionIndex: number, code: number, lowWatermark = -1n) => ({
  partitionIndex,
  lowWatermark,
  errorCode: code
})
