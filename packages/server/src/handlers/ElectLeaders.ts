// Serves: ElectLeaders in all versions: finds that each partition has the leader that it should have.
// Left out: elections.
// Why: a partition has one replica, at the broker that serves: whoever can answer leads it.

import {
  ElectionNotNeeded,
  EligibleLeadersNotAvailable,
  errorCode,
  errorMessage,
  InvalidRequest,
  NONE,
  PreferredLeaderNotAvailable,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ElectLeaders } from "@tusk/protocol/messages/ElectLeaders"
import type { ElectLeadersRequest } from "@tusk/protocol/messages/ElectLeaders"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { allTopics, topicByName } from "../topics/CoordinatorTopics.ts"

const PREFERRED = 0
const UNCLEAN = 1

const result = (partitionId: number, error: KafkaError) => ({
  partitionId,
  errorCode: errorCode(error),
  errorMessage: errorMessage(error)
})

export const electLeaders = handler({
  api: ElectLeaders,
  resources: ({ topicPartitions }) =>
    topicPartitions === null ? CLUSTER : { topics: topicPartitions.map(({ topic }) => topic) },
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const placement = yield* Placement
    const outcome = (name: string, index: number, electionType: number): KafkaError => {
      const topic = topicByName(topics, name)
      if (topic === undefined) return new UnknownTopicOrPartition({ message: `No such topic as ${name}` })
      const partitionId = topic.partitionIds[index]
      if (partitionId === undefined) {
        return new UnknownTopicOrPartition({ message: `No such partition as ${name}-${index}` })
      }
      if (placement.nodeIds().has(placement.leaderOf(partitionId))) {
        return new ElectionNotNeeded({ message: "Leader election not needed for topic partition." })
      }
      return electionType === PREFERRED ? new PreferredLeaderNotAvailable() : new EligibleLeadersNotAvailable()
    }
    /** Of all partitions only those are told that want a leader. */
    const all = (electionType: number) =>
      allTopics(topics).map(({ name, partitionIds }) => ({
        topic: name,
        partitionResult: partitionIds.flatMap((_, index) => {
          const error = outcome(name, index, electionType)
          return error._tag === "ElectionNotNeeded" ? [] : [result(index, error)]
        })
      }))
    return Effect.fnUntraced(function* (request: ElectLeadersRequest, context: RequestContext) {
      yield* authorizeCluster(context, "alter")
      const { apiVersion } = context
      const { topicPartitions } = request
      const electionType = apiVersion === 0 ? PREFERRED : request.electionType
      if (topicPartitions?.length !== 0 && electionType !== PREFERRED && electionType !== UNCLEAN) {
        return yield* new InvalidRequest({ message: `Unknown election type ${electionType}` })
      }
      return {
        errorCode: NONE,
        replicaElectionResults:
          topicPartitions === null
            ? all(electionType)
            : topicPartitions.map(({ partitions, topic }) => ({
                topic,
                partitionResult: partitions.map((index) => result(index, outcome(topic, index, electionType)))
              }))
      }
    })
  }),
  refuse: ({ topicPartitions }, code, error, { apiVersion }) => ({
    errorCode: apiVersion >= 1 ? code : NONE,
    replicaElectionResults: (topicPartitions ?? []).map(({ partitions, topic }) => ({
      topic,
      partitionResult: partitions.map((index) => result(index, error))
    }))
  })
})
