// Serves: Metadata in all versions; topics that are not there are created if client and settings allow it.
// Left out: racks, and replicas beside the leader.
// Why: the copies of the data are the database's.

import { errorCode, NONE, UnknownTopicId, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import type { MetadataRequest, MetadataResponse } from "@tusk/protocol/messages/Metadata"
import { Active } from "@tusk/storage/commit/Active"
import { Topics } from "@tusk/storage/topics/Topics"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { authorizedOperations, CLUSTER_NAME, OPERATIONS_NOT_ASKED } from "../request/Authorization.ts"
import { AutoTopics } from "../topics/AutoTopics.ts"
import { allTopics, topicById, topicByName } from "../topics/CoordinatorTopics.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER, topicsOf } from "../request/Resources.ts"
import { Placement, replicaStates } from "../request/Placement.ts"
import { invalidTopicName, isInternalTopic } from "../topics/TopicNames.ts"

type ResponseTopic = MetadataResponse["topics"][number]

export const metadata = handler({
  api: Metadata,
  resources: ({ topics }) => (topics === null ? CLUSTER : topicsOf(topics)),
  reads: true,
  make: Effect.gen(function* () {
    const active = yield* Active
    const topics = yield* Topics
    const autoTopics = yield* AutoTopics
    const placement = yield* Placement

    const find = (
      asked: { readonly topicId: string; readonly name: string | null },
      mayCreate: boolean,
      apiVersion: number,
      tell: (topic: Topic) => ResponseTopic
    ): Effect.Effect<ResponseTopic> => {
      const { name, topicId } = asked
      if (name === null || topicId !== ZERO_UUID) {
        const topic = topicById(topics, topicId)
        return Effect.succeed(
          // Null has a place from version 12 on.
          topic === undefined
            ? absent(new UnknownTopicId(), apiVersion >= 12 ? name : (name ?? ""), topicId)
            : tell(topic)
        )
      }
      const topic = topicByName(topics, name)
      if (topic !== undefined) return Effect.succeed(tell(topic))
      if (!mayCreate) {
        return Effect.succeed(absent(invalidTopicName(name) ?? new UnknownTopicOrPartition(), name, ZERO_UUID))
      }
      return Effect.match(autoTopics.ensure(name), {
        onFailure: (error) => absent(error, name, ZERO_UUID),
        onSuccess: tell
      })
    }

    return Effect.fnUntraced(function* (request: MetadataRequest, context: RequestContext) {
      const { apiVersion, connection } = context
      const stateOf = replicaStates(placement)
      const operationsOn = ({ name }: Topic): number =>
        request.includeTopicAuthorizedOperations ? authorizedOperations(context, "topic", name) : OPERATIONS_NOT_ASKED
      const tell = (topic: Topic) => present(topic, operationsOn(topic), stateOf)
      const named = apiVersion === 0 && request.topics?.length === 0 ? null : request.topics
      // As Apache Kafka: if some go by their ids, those that do not are left out.
      const byId = named?.filter(({ topicId }) => topicId !== ZERO_UUID)
      const asked = named === null || byId === undefined || byId.length === 0 ? named : byId
      const found =
        asked === null
          ? allTopics(topics).map(tell)
          : yield* Effect.forEach(distinct(asked), (topic) =>
              find(topic, request.allowAutoTopicCreation, apiVersion, tell)
            )
      return {
        brokers: placement.brokers(connection.listener),
        clusterId: active.clusterId,
        controllerId: placement.controller(),
        topics: found,
        clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
          ? authorizedOperations(context, "cluster", CLUSTER_NAME)
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
