// Serves: AlterReplicaLogDirs in all versions: a partition may be moved to the one directory, where it is.
// Left out: moves.
// Why: there is one directory, which stands for the store.

import {
  errorCode,
  InvalidTopicException,
  LogDirNotFound,
  NONE,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { AlterReplicaLogDirs } from "@tusk/protocol/messages/AlterReplicaLogDirs"
import type { AlterReplicaLogDirsRequest } from "@tusk/protocol/messages/AlterReplicaLogDirs"
import { Store } from "@tusk/storage/port/Store"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { logDirOf } from "../request/logDir.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { topicByName } from "../topics/CoordinatorTopics.ts"

/** What Kafka calls a partition's directory while it moves: with an id of 32 digits between name and this end. */
const MOVING = "-future"
const MOST_OF_A_NAME = 255

/** Kafka tells each partition once: what the last directory with it gives. */
const answer = (
  request: AlterReplicaLogDirsRequest,
  codeOf: (path: string, topic: string, index: number) => number
) => {
  const results = new Map<string, Map<number, number>>()
  for (const { path, topics } of request.dirs) {
    for (const { name, partitions } of topics) {
      let codes = results.get(name)
      if (codes === undefined) results.set(name, (codes = new Map()))
      for (const index of partitions) codes.set(index, codeOf(path, name, index))
    }
  }
  return {
    results: Array.from(results, ([topicName, codes]) => ({
      topicName,
      partitions: Array.from(codes, ([partitionIndex, code]) => ({ partitionIndex, errorCode: code }))
    }))
  }
}

export const alterReplicaLogDirs = handler({
  api: AlterReplicaLogDirs,
  resources: ({ dirs }) => ({ topics: dirs.flatMap(({ topics }) => topics.map(({ name }) => name)) }),
  asks: [{ operation: "alter", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const store = yield* Store
    const topics = yield* Topics
    const problemOf = (path: string, name: string, index: number): KafkaError | undefined => {
      if (`${name}-${index}.`.length + 32 + MOVING.length > MOST_OF_A_NAME) return new InvalidTopicException()
      if (path !== logDirOf(store)) return new LogDirNotFound()
      return topicByName(topics, name)?.partitionIds[index] === undefined ? new UnknownTopicOrPartition() : undefined
    }
    return (request: AlterReplicaLogDirsRequest, context: RequestContext) =>
      Effect.map(authorizeCluster(context, "alter"), () =>
        answer(request, (path, name, index) => {
          const problem = problemOf(path, name, index)
          return problem === undefined ? NONE : errorCode(problem)
        })
      )
  }),
  refuse: (request, code) => answer(request, () => code)
})
