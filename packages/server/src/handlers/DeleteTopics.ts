import { SharePartitions } from "@tusk/coordinator/group/share/SharePartitions"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  errorCode,
  errorMessage,
  InvalidRequest,
  NONE,
  TopicDeletionDisabled,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import type { DeleteTopicsRequest } from "@tusk/protocol/messages/DeleteTopics"
import { Topics } from "@tusk/storage/Topics"
import * as Effect from "effect/Effect"
import { BrokerSettings } from "../BrokerSettings.ts"
import { handler } from "../Handler.ts"
import type { RequestContext } from "../Handler.ts"

interface Asked {
  readonly name: string | null
  readonly topicId: string
}

export const deleteTopics = handler({
  api: DeleteTopics,
  reads: false,
  make: Effect.gen(function* () {
    const shared = yield* SharePartitions
    const topics = yield* Topics
    const { deleteTopicEnable } = yield* BrokerSettings

    const remove = Effect.fnUntraced(function* ({ name, topicId }: Asked) {
      if (!deleteTopicEnable) return yield* Effect.fail(new TopicDeletionDisabled())
      if ((name === null) === (topicId === ZERO_UUID)) {
        return yield* Effect.fail(
          new InvalidRequest({ message: "A topic to delete goes by its name or by its id, one of them." })
        )
      }
      const topic = name === null ? topics.byId(topicId) : topics.byName(name)
      if (topic === undefined) {
        return yield* Effect.fail(name === null ? new UnknownTopicId() : new UnknownTopicOrPartition())
      }
      yield* topics.remove(topic.topicId)
      yield* shared.forgetPartitions(topic.partitionIds)
      return { name: topic.name, topicId: topic.topicId, errorCode: NONE, errorMessage: null }
    })

    return Effect.fnUntraced(function* (request: DeleteTopicsRequest, { apiVersion }: RequestContext) {
      const responses = yield* Effect.forEach(askedTopics(request, apiVersion), (asked) =>
        Effect.catch(remove(asked), (error) =>
          Effect.succeed({ ...asked, errorCode: errorCode(error), errorMessage: errorMessage(error) })
        )
      )
      return { throttleTimeMs: 0, responses }
    })
  }),
  refuse: (request, code, error, { apiVersion }) => ({
    throttleTimeMs: 0,
    responses: askedTopics(request, apiVersion).map((asked) => ({
      ...asked,
      errorCode: code,
      errorMessage: errorMessage(error)
    }))
  })
})

const askedTopics = (request: DeleteTopicsRequest, apiVersion: number): ReadonlyArray<Asked> =>
  apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
