// Serves: DescribeLogDirs in all versions: one directory, which is the store, with the size of each partition in it.
// Left out: how large the disk is and how much of it is free; replicas that move.
// Why: the disk is the database's, and nothing moves between directories.

import { ClusterAuthorizationFailed, NONE } from "@tusk/protocol/KafkaError"
import { DescribeLogDirs } from "@tusk/protocol/messages/DescribeLogDirs"
import type { DescribeLogDirsRequest } from "@tusk/protocol/messages/DescribeLogDirs"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import { Store } from "@tusk/storage/port/Store"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { mayCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { logDirOf } from "../request/logDir.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

export const describeLogDirs = handler({
  api: DescribeLogDirs,
  resources: ({ topics }) => (topics === null ? CLUSTER : { topics: topics.map(({ topic }) => topic) }),
  asks: [{ operation: "describe", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const log = yield* Log
    const topics = yield* Topics
    const store = yield* Store
    return Effect.fnUntraced(function* (request: DescribeLogDirsRequest, context: RequestContext) {
      // Before version 3 that is told by no directory.
      if (!mayCluster(context, "describe")) return { errorCode: ClusterAuthorizationFailed.info.code, results: [] }
      const asked =
        request.topics === null
          ? topics.all().map(({ name, partitionIds }) => ({ name, partitions: partitionIds.map((_, index) => index) }))
          : request.topics.map(({ partitions, topic }) => ({ name: topic, partitions }))
      const present = asked.flatMap(({ name, partitions }) => {
        const topic = topics.byName(name)
        const known = partitions.filter((index) => topic?.partitionIds[index] !== undefined)
        return topic === undefined || known.length === 0
          ? []
          : [{ name, partitions: known, ids: known.map((index) => topic.partitionIds[index]!) }]
      })
      const ends = yield* log.measured(present.flatMap(({ ids }) => ids))
      let next = 0
      return {
        errorCode: NONE,
        results: [
          {
            errorCode: NONE,
            logDir: logDirOf(store),
            topics: present.map(({ name, partitions }) => ({
              name,
              partitions: partitions.map((partitionIndex) => {
                const end = ends[next++]!
                return {
                  partitionIndex,
                  partitionSize: isKafkaError(end) ? 0n : end.sizeBytes,
                  offsetLag: 0n,
                  isFutureKey: false
                }
              })
            })),
            totalBytes: -1n,
            usableBytes: -1n,
            isCordoned: false
          }
        ]
      }
    })
  }),
  refuse: (_request, errorCode, _error, { apiVersion }) => ({
    errorCode,
    // Before version 3 only directories have a place for an error.
    results:
      apiVersion >= 3
        ? []
        : [{ errorCode, logDir: "", topics: [], totalBytes: -1n, usableBytes: -1n, isCordoned: false }]
  })
})
