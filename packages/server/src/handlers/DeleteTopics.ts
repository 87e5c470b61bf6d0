// Serves: DeleteTopics in all versions, by name or id.
// Left out: `timeoutMs`.
// Why: `request.timeout.ms` ends every wait for the store.

import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  errorCode,
  errorMessage,
  InvalidRequest,
  NONE,
  TopicDeletionDisabled,
  UnknownTopicId,
  UnknownTopicOrPartition,
  InvalidTopicException
} from "@tusk/protocol/KafkaError"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import type { DeleteTopicsRequest } from "@tusk/protocol/messages/DeleteTopics"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { isInternalTopic } from "../topics/TopicNames.ts"
import type { MutationQuota } from "../security/quota/ClientMeters.ts"
import { mutations } from "../security/quota/mutations.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { topicsOf } from "../request/Resources.ts"

/** Who asks for too much is refused from here on; before, it is done, and its client waits (KIP-599). */
const STRICT = 5

interface Asked {
  readonly name: string | null
  readonly topicId: string
}

interface Distinct {
  readonly asked: Asked
  /** Why nothing is deleted, in Apache Kafka's words. */
  readonly problem?: string
}

/** What is asked for, each topic once; one that is named twice, by its name, its id or both, is not deleted. */
const distinct = (all: ReadonlyArray<Asked>, topics: Topics["Service"]): ReadonlyArray<Distinct> => {
  const found = new Map<string, Distinct>()
  for (const [i, asked] of all.entries()) {
    const { name, topicId } = asked
    if (name !== null && topicId !== ZERO_UUID) {
      found.set(`both ${i}`, { asked, problem: "You may not specify both topic name and topic id." })
      continue
    }
    if (name === null && topicId === ZERO_UUID) {
      found.set(`neither ${i}`, { asked, problem: "Neither topic name nor id were specified." })
      continue
    }
    const id = name === null ? topicId : topics.byName(name)?.topicId
    const key = id ?? `name ${name}`
    const before = found.get(key)
    if (before === undefined) {
      found.set(key, { asked })
    } else if (before.asked.name === name) {
      found.set(key, { asked, problem: name === null ? "Duplicate topic id." : "Duplicate topic name." })
    } else {
      const both = { name: name ?? before.asked.name, topicId: id! }
      found.set(key, { asked: both, problem: "The provided topic name maps to an ID that was already supplied." })
    }
  }
  return Array.from(found.values())
}

const invalid = (message: string) => new InvalidRequest({ message })

export const deleteTopics = handler({
  api: DeleteTopics,
  resources: ({ topicNames, topics }) => {
    const named = topicsOf(topics)
    return { ...named, topics: [...topicNames, ...(named.topics ?? [])] }
  },
  reads: false,
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const { deleteTopicEnable } = yield* BrokerSettings

    const mutating = yield* mutations

    const remove = Effect.fnUntraced(function* ({ name, topicId }: Asked, quota: MutationQuota) {
      if (!deleteTopicEnable) return yield* Effect.fail(new TopicDeletionDisabled())
      if (name !== null && isInternalTopic(name) && topics.byName(name) === undefined) {
        return yield* Effect.fail(new InvalidTopicException())
      }
      const topic = name === null ? topics.byId(topicId) : topics.byName(name)
      if (topic === undefined) {
        return yield* Effect.fail(name === null ? new UnknownTopicId() : new UnknownTopicOrPartition())
      }
      const tooSoon = quota.take(topic.partitionIds.length)
      if (tooSoon !== undefined) return yield* Effect.fail(tooSoon)
      yield* topics.remove(topic.topicId)
      return { name: topic.name, topicId: topic.topicId, errorCode: NONE, errorMessage: null }
    })

    return Effect.fnUntraced(function* (request: DeleteTopicsRequest, context: RequestContext) {
      const { apiVersion } = context
      const quota = mutating(context, STRICT)
      const responses = yield* Effect.forEach(
        distinct(askedTopics(request, apiVersion), topics),
        ({ asked, problem }) =>
          Effect.catch(problem === undefined ? remove(asked, quota) : Effect.fail(invalid(problem)), (error) =>
            Effect.succeed({ ...asked, errorCode: errorCode(error), errorMessage: errorMessage(error) })
          )
      )
      context.mute(quota.throttleMs())
      return { responses }
    })
  }),
  refuse: (request, code, error, { apiVersion }) => ({
    responses: askedTopics(request, apiVersion).map((asked) => ({
      ...asked,
      errorCode: code,
      errorMessage: errorMessage(error)
    }))
  })
})

const askedTopics = (request: DeleteTopicsRequest, apiVersion: number): ReadonlyArray<Asked> =>
  apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
