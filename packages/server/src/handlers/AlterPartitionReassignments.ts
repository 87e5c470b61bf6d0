// Serves: AlterPartitionReassignments in all versions: checks assignments as Kafka does, and finds them as they are wanted.
// Left out: moves.
// Why: one broker serves all partitions, so that the only assignment it can pass is the one that is there.

import {
  errorCode,
  errorMessage,
  InvalidReplicaAssignment,
  InvalidReplicationFactor,
  NONE,
  NoReassignmentInProgress,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { AlterPartitionReassignments } from "@tusk/protocol/messages/AlterPartitionReassignments"
import type { AlterPartitionReassignmentsRequest } from "@tusk/protocol/messages/AlterPartitionReassignments"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { namesOf } from "../request/Resources.ts"
import { topicByName } from "../topics/CoordinatorTopics.ts"

/** What is wrong with the replicas that a partition is to have, in Kafka's words and order. */
const assignmentProblem = (
  replicas: ReadonlyArray<number>,
  brokers: ReadonlySet<number>,
  mayChangeFactor: boolean
): KafkaError | undefined => {
  const invalid = (what: string) =>
    new InvalidReplicaAssignment({ message: `The manual partition assignment includes ${what}` })
  if (replicas.length === 0) return invalid("an empty replica list.")
  const sorted = replicas.toSorted((a, b) => a - b)
  for (const [at, broker] of sorted.entries()) {
    if (!brokers.has(broker)) return invalid(`broker ${broker}, but no such broker is registered.`)
    if (sorted[at - 1] === broker) return invalid(`the broker ${broker} more than once.`)
  }
  return mayChangeFactor || replicas.length === 1
    ? undefined
    : new InvalidReplicationFactor({ message: `The replication factor is changed from 1 to ${replicas.length}` })
}

export const alterPartitionReassignments = handler({
  api: AlterPartitionReassignments,
  resources: ({ topics }) => ({ topics: namesOf(topics) }),
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const placement = yield* Placement
    const problemOf = (
      name: string,
      partition: AlterPartitionReassignmentsRequest["topics"][number]["partitions"][number],
      mayChangeFactor: boolean
    ): KafkaError | undefined => {
      const { partitionIndex, replicas } = partition
      const topic = topicByName(topics, name)
      if (topic === undefined) {
        return new UnknownTopicOrPartition({ message: `Unable to find a topic named ${name}.` })
      }
      if (topic.partitionIds[partitionIndex] === undefined) {
        return new UnknownTopicOrPartition({ message: `Unable to find partition ${name}:${partitionIndex}.` })
      }
      return replicas === null
        ? new NoReassignmentInProgress()
        : assignmentProblem(replicas, placement.nodeIds(), mayChangeFactor)
    }
    const alter = (request: AlterPartitionReassignmentsRequest) =>
      Effect.sync(() => ({
        allowReplicationFactorChange: request.topics.length === 0 || request.allowReplicationFactorChange,
        errorCode: NONE,
        errorMessage: request.topics.length === 0 ? "" : null,
        responses: request.topics.map(({ name, partitions }) => ({
          name,
          partitions: partitions.map((partition) => {
            const problem = problemOf(name, partition, request.allowReplicationFactorChange)
            return {
              partitionIndex: partition.partitionIndex,
              errorCode: problem === undefined ? NONE : errorCode(problem),
              errorMessage: problem === undefined ? null : errorMessage(problem)
            }
          })
        }))
      }))
    return (request: AlterPartitionReassignmentsRequest, context: RequestContext) =>
      Effect.andThen(authorizeCluster(context, "alter"), alter(request))
  }),
  refuse: ({ topics }, code, error) => ({
    allowReplicationFactorChange: true,
    errorCode: code,
    errorMessage: errorMessage(error),
    responses: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: code,
        errorMessage: errorMessage(error)
      }))
    }))
  })
})
