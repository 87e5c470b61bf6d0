// Serves: Metadata in all versions; topics that are not there are created if client and settings allow it.
// Left out: racks, and replicas beside the leader.
// Why: the copies of the data are the database's.

import {
  errorCode,
  InvalidRequest,
  NONE,
  TopicAuthorizationFailed,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import type { MetadataRequest, MetadataResponse } from "@tusk/protocol/messages/Metadata"
import { Active } from "@tusk/storage/commit/Active"
import { Topics } from "@tusk/storage/topics/Topics"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { authorizedOperations, OPERATIONS_NOT_ASKED } from "../request/Authorization.ts"
import { operationsOnCluster, parted, permits, permitsByCluster, permitsQuietly } from "../request/authorizing.ts"
import type { Permits } from "../request/authorizing.ts"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { AutoTopics } from "../topics/AutoTopics.ts"
import { allTopics, topicById, topicByName } from "../topics/CoordinatorTopics.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER, topicsOf } from "../request/Resources.ts"
import { Placement, replicaStates } from "../request/Placement.ts"
import { invalidTopicName, isInternalTopic } from "../topics/TopicNames.ts"

type ResponseTopic = MetadataResponse["topics"][number]

/** What a request may be told. */
interface Asking {
  readonly apiVersion: number
  readonly mayDescribe: Permits
  /** Topics that are not there are to be made. */
  readonly mayMake: boolean
  readonly mayCreate: Permits
  readonly operationsOn: (name: string) => number
  readonly tell: (topic: Topic) => ResponseTopic
}

export const metadata = handler({
  api: Metadata,
  resources: ({ topics }) => (topics === null ? CLUSTER : topicsOf(topics)),
  asks: [
    { operation: "describe", resourceType: "topic" },
    { operation: "create", resourceType: "cluster", of: "for topics that it makes" },
    { operation: "create", resourceType: "topic", of: "for each that it makes, without the right on the cluster" },
    { operation: "describe", resourceType: "cluster", of: "to tell what may be done to it" }
  ],
  reads: true,
  make: Effect.gen(function* () {
    const active = yield* Active
    const topics = yield* Topics
    const autoTopics = yield* AutoTopics
    const placement = yield* Placement
    const { autoCreateTopicsEnable } = yield* BrokerSettings

    const byId = (topicId: string, name: string | null, { apiVersion, mayDescribe, tell }: Asking): ResponseTopic => {
      const topic = topicById(topics, topicId)
      // Null has a place from version 12 on.
      if (topic === undefined) return absent(new UnknownTopicId(), apiVersion >= 12 ? name : (name ?? ""), topicId)
      return mayDescribe(topic.name) ? tell(topic) : absent(new TopicAuthorizationFailed(), null, topicId)
    }

    const byName = (name: string, asking: Asking): Effect.Effect<ResponseTopic> => {
      // Before it is looked for: whether it is there is not told.
      if (!asking.mayDescribe(name)) return Effect.succeed(absent(new TopicAuthorizationFailed(), name, ZERO_UUID))
      const topic = topicByName(topics, name)
      if (topic !== undefined) return Effect.succeed(asking.tell(topic))
      const missing = (error: KafkaError): ResponseTopic => ({
        ...absent(error, name, ZERO_UUID),
        isInternal: isInternalTopic(name),
        topicAuthorizedOperations: asking.operationsOn(name)
      })
      if (!asking.mayMake) return Effect.succeed(missing(invalidTopicName(name) ?? new UnknownTopicOrPartition()))
      if (!asking.mayCreate(name)) {
        return Effect.succeed({
          ...missing(new TopicAuthorizationFailed()),
          topicAuthorizedOperations: OPERATIONS_NOT_ASKED
        })
      }
      return Effect.match(autoTopics.ensure(name), { onFailure: missing, onSuccess: asking.tell })
    }

    return Effect.fnUntraced(function* (request: MetadataRequest, context: RequestContext) {
      const { apiVersion, connection } = context
      const odd = request.topics?.find(({ name, topicId }) => name === null || topicId !== ZERO_UUID)
      // Versions 10 and 11 have the fields, and no way to use them.
      if (apiVersion < 12 && odd !== undefined) {
        const what = odd.name === null ? "null names" : "ids of topics"
        return yield* new InvalidRequest({ message: `Version ${apiVersion} has no ${what} in requests.` })
      }
      const stateOf = replicaStates(placement)
      const operationsOn = (name: string): number =>
        request.includeTopicAuthorizedOperations ? authorizedOperations(context, "topic", name) : OPERATIONS_NOT_ASKED
      const tell = (topic: Topic) => present(topic, operationsOn(topic.name), stateOf)
      const named = apiVersion === 0 && request.topics?.length === 0 ? null : request.topics
      // As Apache Kafka: if some go by their ids, those that do not are left out.
      const withIds = named?.filter(({ topicId }) => topicId !== ZERO_UUID)
      const asked = named === null || withIds === undefined || withIds.length === 0 ? named : withIds
      const asking: Asking = {
        apiVersion,
        mayDescribe:
          asked === null ? permitsQuietly(context, "describe", "topic") : permits(context, "describe", "topic"),
        mayMake: request.allowAutoTopicCreation && autoCreateTopicsEnable,
        mayCreate: (name) => permitsByCluster(context, "create", "create", "topic")(name),
        operationsOn,
        tell
      }
      const found =
        asked === null
          ? parted(allTopics(topics), asking.mayDescribe, ({ name }) => name).allowed.map(tell)
          : yield* Effect.forEach(distinct(asked), ({ name, topicId }) =>
              name === null || topicId !== ZERO_UUID
                ? Effect.succeed(byId(topicId, name, asking))
                : byName(name, asking)
            )
      return {
        brokers: placement.brokers(connection.listener),
        clusterId: active.clusterId,
        controllerId: placement.controller(),
        topics: found,
        clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
          ? operationsOnCluster(context)
          : OPERATIONS_NOT_ASKED,
        errorCode: NONE
      }
    })
  }),
  refuse: (request, code, _error, { apiVersion, connection }) => {
    // Before version 13 only topics have a place for an error: to name none of them would say that there is none.
    if (apiVersion < 13 && (request.topics ?? []).length === 0) {
      connection.close("a Metadata request is refused, and its version cannot tell")
      return undefined
    }
    return {
      brokers: [],
      clusterId: null,
      controllerId: -1,
      topics: (request.topics ?? []).map(({ name, topicId }) => ({
        errorCode: code,
        name: name ?? "",
        topicId,
        isInternal: false,
        partitions: [],
        topicAuthorizedOperations: OPERATIONS_NOT_ASKED
      })),
      clusterAuthorizedOperations: OPERATIONS_NOT_ASKED,
      errorCode: code
    }
  }
})

const present = (topic: Topic, operations: number, stateOf: ReturnType<typeof replicaStates>): ResponseTopic => ({
  errorCode: NONE,
  name: topic.name,
  topicId: topic.topicId,
  isInternal: isInternalTopic(topic.name),
  partitions: topic.partitionIds.map((partitionId, partitionIndex) => ({
    partitionIndex,
    ...stateOf(partitionId)
  })),
  topicAuthorizedOperations: operations
})

const absent = (error: KafkaError, name: string | null, topicId: string): ResponseTopic => ({
  errorCode: errorCode(error),
  name,
  topicId,
  isInternal: false,
  partitions: [],
  topicAuthorizedOperations: OPERATIONS_NOT_ASKED
})

/** A topic asked for twice is answered once, as in Kafka. */
const distinct = (asked: NonNullable<MetadataRequest["topics"]>): NonNullable<MetadataRequest["topics"]> => {
  if (asked.length < 2) return asked
  const seen = new Map(asked.map((topic) => [`${topic.topicId}/${topic.name}`, topic]))
  return seen.size === asked.length ? asked : Array.from(seen.values())
}
