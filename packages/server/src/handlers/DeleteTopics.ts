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

/** What becomes of one topic that a request names. */
interface Planned {
  /** Its place in the request. */
  readonly at: number
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

/** Each once; what is named again is not deleted. */
const once = (all: ReadonlyArray<Planned>, keyOf: (asked: Asked) => string, what: string): ReadonlyArray<Planned> => {
  const found = new Map<string, Planned>()
  for (const each of all) {
    const key = keyOf(each.asked)
    const first = found.get(key)
    found.set(key, first === undefined ? each : { ...first, problem: invalid(`Duplicate topic ${what}.`) })
  }
  return Array.from(found.values())
}

/** An id is no secret, but the name that belongs to it. */
const planById = (each: Planned, topics: Topics["Service"], { mayDelete, mayDescribe }: Rights): Planned => {
  const { asked, problem } = each
  if (problem !== undefined) return each
  const topic = topics.byId(asked.topicId)
  if (topic === undefined) return { ...each, problem: new UnknownTopicId({ message: NO_SUCH_ID }) }
  if (mayDelete(topic.name)) return each
  return { ...each, asked: mayDescribe(topic.name) ? { ...asked, name: topic.name } : asked, problem: topicRefused() }
}

const planByName = (each: Planned, topics: Topics["Service"], { mayDelete, mayDescribe }: Rights): Planned => {
  const name = each.asked.name!
  if (each.problem !== undefined) return each
  if (!mayDescribe(name)) return { ...each, problem: topicRefused() }
  if (topics.byName(name) === undefined) {
    return {
      ...each,
      problem: isInternalTopic(name)
        ? new InvalidTopicException()
        : new UnknownTopicOrPartition({ message: NO_SUCH_TOPIC })
    }
  }
  return mayDelete(name) ? each : { ...each, problem: topicRefused() }
}

/** What is asked for, each topic once; one that is named twice, by its name, its id or both, is not deleted. */
const plan = (all: ReadonlyArray<Asked>, topics: Topics["Service"], rights: Rights): ReadonlyArray<Planned> => {
  const [wrong, named, numbered]: [Array<Planned>, Array<Planned>, Array<Planned>] = [[], [], []]
  for (const [at, asked] of all.entries()) {
    const [hasName, hasId] = [asked.name !== null, asked.topicId !== ZERO_UUID]
    if (hasName === hasId) wrong.push({ at, asked, problem: invalid(hasName ? BOTH : NEITHER) })
    else (hasName ? named : numbered).push({ at, asked })
  }
  const byId = new Map(
    once(numbered, ({ topicId }) => topicId, "id").map((each) => [each.asked.topicId, planById(each, topics, rights)])
  )
  const byName = once(named, ({ name }) => name!, "name").map((each): Planned => {
    const planned = planByName(each, topics, rights)
    // Which id it has is told only of a topic that may be deleted.
    const topicId = planned.problem === undefined ? topics.byName(planned.asked.name!)!.topicId : ZERO_UUID
    const same = byId.get(topicId)
    if (same === undefined) return planned
    if (same.problem === undefined) byId.delete(topicId)
    return { ...planned, asked: { ...planned.asked, topicId }, problem: invalid(TWICE) }
  })
  return [...wrong, ...byId.values(), ...byName].sort((a, b) => a.at - b.at)
}

const NO_SUCH_ID = "This server does not host this topic ID."
const NO_SUCH_TOPIC = "This server does not host this topic-partition."
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
    { operation: "delete", resourceType: "cluster", of: "for all topics" },
    { operation: "delete", resourceType: "topic", of: "for each, without the right on the cluster" },
    { operation: "describe", resourceType: "topic", of: "to be told whether it is there" }
  ],
  reads: false,
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const { deleteTopicEnable } = yield* BrokerSettings
    const mutating = yield* mutations

    const remove = Effect.fnUntraced(function* ({ name, topicId }: Asked, quota: MutationQuota) {
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
      if (!deleteTopicEnable) return yield* new TopicDeletionDisabled()
      const { apiVersion } = context
      const rights = {
        mayDescribe: permitsByCluster(context, "delete", "describe", "topic"),
        mayDelete: permitsByCluster(context, "delete", "delete", "topic")
      }
      const quota = mutating(context, STRICT)
      const responses = yield* Effect.forEach(
        plan(askedTopics(request, apiVersion), topics, rights),
        ({ asked, problem }) =>
          Effect.catch(problem === undefined ? remove(asked, quota) : Effect.fail(problem), (error) =>
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
