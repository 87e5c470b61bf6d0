// Serves: CreateTopics in all versions: topics with their partitions and configs.
// Left out: a replication factor and replicas, which are checked and not kept; `timeoutMs`.
// Why: the copies of the data are the database's; `request.timeout.ms` ends every wait for the store.

import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { errorCode, errorMessage, InvalidRequest, NONE, TopicAuthorizationFailed } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import type { CreateTopicsRequest, CreateTopicsResponse } from "@tusk/protocol/messages/CreateTopics"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { NewTopic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { AutoTopics } from "../topics/AutoTopics.ts"
import { permitsByCluster, permitsQuietly } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { namesOf } from "../request/Resources.ts"
import { mutations } from "../security/quota/mutations.ts"
import { TopicAdmin } from "../topics/TopicAdmin.ts"
import { ResourceConfigs } from "../topics/ResourceConfigs.ts"

/** Who asks for too much is refused from here on; before, it is done, and its client waits (KIP-599). */
const STRICT = 6

type Result = CreateTopicsResponse["topics"][number]

export const createTopics = handler({
  api: CreateTopics,
  resources: ({ topics }) => ({ topics: namesOf(topics) }),
  asks: [
    { operation: "create", resourceType: "cluster", of: "for all topics" },
    { operation: "create", resourceType: "topic", of: "for each, without the right on the cluster" },
    { operation: "describeConfigs", resourceType: "topic", of: "to tell its configs" }
  ],
  reads: false,
  make: Effect.gen(function* () {
    const autoTopics = yield* AutoTopics
    const admin = yield* TopicAdmin
    const configs = yield* ResourceConfigs
    const mutating = yield* mutations

    const made = (topic: NewTopic, topicId: string, replicationFactor: number): Result => ({
      name: topic.name,
      topicId,
      errorCode: NONE,
      errorMessage: null,
      topicConfigErrorCode: NONE,
      numPartitions: topic.partitions,
      replicationFactor,
      configs: configs.ofTopic(topic.configs).map(({ isSensitive, name, readOnly, source, value }) => ({
        name,
        value,
        readOnly,
        configSource: source,
        isSensitive
      }))
    })

    return Effect.fnUntraced(function* (request: CreateTopicsRequest, context: RequestContext) {
      const { apiVersion } = context
      const mayCreate = permitsByCluster(context, "create", "create", "topic")
      const mayDescribe = permitsQuietly(context, "describeConfigs", "topic")
      const quota = mutating(context, STRICT)
      const counts = new Map<string, number>()
      for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
      const create = Effect.fnUntraced(function* (wish: CreateTopicsRequest["topics"][number]) {
        if (counts.get(wish.name)! > 1) {
          return yield* Effect.fail(new InvalidRequest({ message: "Duplicate topic name." }))
        }
        if (!mayCreate(wish.name)) return yield* new TopicAuthorizationFailed({ message: "Authorization failed." })
        const topic = admin.check(wish)
        if (isKafkaError(topic)) return yield* Effect.fail(topic)
        const tooSoon = quota.take(topic.partitions)
        if (tooSoon !== undefined) return yield* Effect.fail(tooSoon)
        const factor = Math.max(1, wish.replicationFactor)
        const topicId = request.validateOnly ? ZERO_UUID : (yield* autoTopics.create(topic)).topicId
        return mayDescribe(wish.name) ? made(topic, topicId, factor) : undescribed(wish.name, topicId)
      })
      const results = yield* Effect.forEach(
        Array.from(new Map(request.topics.map((wish) => [wish.name, wish])).values()),
        (wish) => Effect.catch(create(wish), (error) => Effect.succeed(refused(wish.name, error, apiVersion))),
        { concurrency: "unbounded" }
      )
      context.mute(quota.throttleMs())
      return { topics: results }
    })
  }),
  refuse: (request, _code, error, { apiVersion }) => ({
    topics: request.topics.map(({ name }) => refused(name, error, apiVersion))
  })
})

/** Of a topic that was made by one who may not see its configs. */
const undescribed = (name: string, topicId: string): Result => ({
  name,
  topicId,
  errorCode: NONE,
  errorMessage: null,
  topicConfigErrorCode: TopicAuthorizationFailed.info.code,
  numPartitions: -1,
  replicationFactor: -1,
  configs: []
})

const refused = (name: string, error: KafkaError, apiVersion: number): Result => ({
  name,
  topicId: ZERO_UUID,
  errorCode: errorCode(error),
  errorMessage: errorMessage(error),
  topicConfigErrorCode: NONE,
  numPartitions: -1,
  replicationFactor: -1,
  configs: apiVersion >= 5 ? [] : null
})
