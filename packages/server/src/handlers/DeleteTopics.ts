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
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import type { DeleteTopicsRequest } from "@tusk/protocol/messages/DeleteTopics"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { isInternalTopic } from "../topics/TopicNames.ts"
import { permitsByCluster, topicRefused } from "../request/authorizing.ts"
import type { Permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { topicsOf } from "../request/Resources.ts"

interface Asked {
  readonly name: string | null
  readonly topicId: string
}

/** What becomes of one topic that a request names. */
interface Planned {
  /** As it is told: without what the principal may not know. */
  readonly asked: Asked
  /** Why nothing is deleted. */
  readonly problem?: KafkaError
}

interface Rights {
  readonly mayDescribe: Permits
  readonly mayDelete: Permits
}

const invalid = (message: string) => new InvalidRequest({ message })

/** What is named once of all that goes by name, or by id; the others with what is wrong with them. */
const once = (
  all: ReadonlyArray<Asked>,
  keyOf: (asked: Asked) => string | null,
  what: string
): ReadonlyArray<Planned> => {
  const found = new Map<string, Planned>()
  for (const asked of all) {
    const key = keyOf(asked)
    if (key === null) continue
    found.set(key, found.has(key) ? { asked, problem: invalid(`Duplicate topic ${what}.`) } : { asked })
  }
  return Array.from(found.values())
}

/** By its id: that is no secret, but whose it is. */
const planById = (
  { asked, problem }: Planned,
  topics: Topics["Service"],
  { mayDelete, mayDescribe }: Rights
): Planned => {
  const topic = topics.byId(asked.topicId)
  if (problem !== undefined) return { asked, problem }
  if (topic === undefined) return { asked, problem: new UnknownTopicId() }
  if (mayDelete(topic.name)) return { asked }
  return { asked: mayDescribe(topic.name) ? { ...asked, name: topic.name } : asked, problem: topicRefused() }
}

const planByName = (
  { asked, problem }: Planned,
  topics: Topics["Service"],
  { mayDelete, mayDescribe }: Rights
): Planned => {
  const name = asked.name!
  if (problem !== undefined) return { asked, problem }
  if (!mayDescribe(name)) return { asked, problem: topicRefused() }
  if (topics.byName(name) === undefined) {
    return { asked, problem: isInternalTopic(name) ? new InvalidTopicException() : new UnknownTopicOrPartition() }
  }
  return mayDelete(name) ? { asked } : { asked, problem: topicRefused() }
}

/** What is asked for, each topic once; one that is named twice, by its name, its id or both, is not deleted. */
const plan = (all: ReadonlyArray<Asked>, topics: Topics["Service"], rights: Rights): ReadonlyArray<Planned> => {
  const wrong: Array<Planned> = []
  const isOne = (asked: Asked): boolean => {
    const [named, numbered] = [asked.name !== null, asked.topicId !== ZERO_UUID]
    if (named !== numbered) return true
    wrong.push({ asked, problem: invalid(named ? BOTH : NEITHER) })
    return false
  }
  const single = all.filter(isOne)
  const byId = once(single, ({ name, topicId }) => (name === null ? topicId : null), "id")
  const planned = new Map(byId.map((each) => [each.asked.topicId, planById(each, topics, rights)]))
  // Told of a topic that may be deleted only: else it would be told which id it has.
  const named = once(single, ({ name }) => name, "name").map((each): Planned => {
    const found = planByName(each, topics, rights)
    const topicId = found.problem === undefined ? topics.byName(found.asked.name!)!.topicId : ZERO_UUID
    const same = planned.get(topicId)
    if (same === undefined) return found
    if (same.problem === undefined) planned.delete(topicId)
    return { asked: { ...found.asked, topicId }, problem: invalid(TWICE) }
  })
  return [...wrong, ...planned.values(), ...named]
}

const BOTH = "You may not specify both topic name and topic id."
const NEITHER = "Neither topic name nor id were specified."
const TWICE = "The provided topic name maps to an ID that was already supplied."

export const deleteTopics = handler({
  api: DeleteTopics,
  resources: ({ topicNames, topics }) => {
    const named = topicsOf(topics)
    return { ...named, topics: [...topicNames, ...(named.topics ?? [])] }
  },
  asks: [
    { operation: "delete", resourceType: "cluster" },
    { operation: "delete", resourceType: "topic", of: "without the right on the cluster" },
    { operation: "describe", resourceType: "topic", of: "to be told whether it is there" }
  ],
  reads: false,
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const { deleteTopicEnable } = yield* BrokerSettings

    const remove = Effect.fnUntraced(function* ({ name, topicId }: Asked) {
      const topic = name === null ? topics.byId(topicId) : topics.byName(name)
      if (topic === undefined) {
        return yield* Effect.fail(name === null ? new UnknownTopicId() : new UnknownTopicOrPartition())
      }
      yield* topics.remove(topic.topicId)
      return { name: topic.name, topicId: topic.topicId, errorCode: NONE, errorMessage: null }
    })

    return Effect.fnUntraced(function* (request: DeleteTopicsRequest, context: RequestContext) {
      if (!deleteTopicEnable) return yield* new TopicDeletionDisabled()
      const { apiVersion } = context
      const rights = {
        mayDescribe: permitsByCluster(context, "delete", "describe", "topic"),
        mayDelete: permitsByCluster(context, "delete", "delete", "topic")
      }
      const responses = yield* Effect.forEach(
        plan(askedTopics(request, apiVersion), topics, rights),
        ({ asked, problem }) =>
          Effect.catch(problem === undefined ? remove(asked) : Effect.fail(problem), (error) =>
            Effect.succeed({ ...asked, errorCode: errorCode(error), errorMessage: errorMessage(error) })
          )
      )
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
