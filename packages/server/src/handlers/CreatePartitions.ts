// Serves: CreatePartitions in all versions: more partitions for topics.
// Left out: replicas, which are checked and not kept; `timeoutMs`.
// Why: the copies of the data are the database's; `request.timeout.ms` ends every wait for the store.

import {
  errorCode,
  errorMessage,
  InvalidPartitions,
  InvalidReplicaAssignment,
  InvalidRequest,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicOrPartition,
  InvalidTopicException
} from "@tusk/protocol/KafkaError"
import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import type { CreatePartitionsRequest } from "@tusk/protocol/messages/CreatePartitions"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { isInternalTopic } from "../topics/TopicNames.ts"
import { permits } from "../request/authorizing.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import type { MutationQuota } from "../security/quota/ClientMeters.ts"
import { mutations } from "../security/quota/mutations.ts"
import { handler } from "../request/Handler.ts"
import { namesOf } from "../request/Resources.ts"
import { TopicAdmin } from "../topics/TopicAdmin.ts"

/** Who asks for too much is refused from here on; before, it is done, and its client waits (KIP-599). */
const STRICT = 3

type Asked = CreatePartitionsRequest["topics"][number]

export const createPartitions = handler({
  api: CreatePartitions,
  resources: ({ topics }) => ({ topics: namesOf(topics) }),
  asks: [{ operation: "alter", resourceType: "topic" }],
  reads: false,
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const admin = yield* TopicAdmin

    const mutating = yield* mutations

    const add = Effect.fnUntraced(function* (asked: Asked, validateOnly: boolean, quota: MutationQuota) {
      if (isInternalTopic(asked.name)) return yield* Effect.fail(new InvalidTopicException())
      const topic = topics.byName(asked.name)
      if (topic === undefined) return yield* Effect.fail(new UnknownTopicOrPartition())
      const present = topic.partitionIds.length
      if (asked.count <= present) {
        return yield* Effect.fail(
          new InvalidPartitions({
            message:
              asked.count === present
                ? `Topic already has ${present} partition(s).`
                : `The topic ${asked.name} currently has ${present} partition(s); ${asked.count} would not be an increase.`
          })
        )
      }
      if (asked.assignments !== null) {
        const wanted = asked.count - present
        if (asked.assignments.length !== wanted) {
          return yield* Effect.fail(
            new InvalidReplicaAssignment({
              message: `Attempted to add ${wanted} additional partition(s), but only ${asked.assignments.length} assignment(s) were specified.`
            })
          )
        }
        const wrong = admin.checkBrokers(
          asked.assignments.map(({ brokerIds }) => brokerIds),
          present
        )
        if (wrong !== undefined) return yield* Effect.fail(wrong)
      }
      const refused = topics.tooMany(asked.count - present)
      if (refused !== undefined) return yield* Effect.fail(refused)
      const tooSoon = quota.take(asked.count - present)
      if (tooSoon !== undefined) return yield* Effect.fail(tooSoon)
      if (!validateOnly) yield* topics.addPartitions(asked.name, asked.count)
      return { name: asked.name, errorCode: NONE, errorMessage: null }
    })

    return Effect.fnUntraced(function* (request: CreatePartitionsRequest, context: RequestContext) {
      const mayAlter = permits(context, "alter", "topic")
      const quota = mutating(context, STRICT)
      const counts = new Map<string, number>()
      for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
      const results = yield* Effect.forEach(
        Array.from(new Map(request.topics.map((asked) => [asked.name, asked])).values()),
        (asked) =>
          Effect.catch(
            counts.get(asked.name)! > 1
              ? Effect.fail(new InvalidRequest({ message: "Duplicate topic name." }))
              : mayAlter(asked.name)
                ? add(asked, request.validateOnly, quota)
                : Effect.fail(new TopicAuthorizationFailed()),
            (error) =>
              Effect.succeed({ name: asked.name, errorCode: errorCode(error), errorMessage: errorMessage(error) })
          )
      )
      context.mute(quota.throttleMs())
      return { results }
    })
  }),
  refuse: (request, code, error) => ({
    results: request.topics.map(({ name }) => ({ name, errorCode: code, errorMessage: errorMessage(error) }))
  })
})
