// Serves: WriteTxnMarkers from version 1 on, as `kafka-transactions abort` sends it: ends what hangs in a partition.
// Left out: the state of its transactional id, which is left to its producer, as in Apache Kafka; offsets of groups.
// Why: no transaction is ever ended in one partition and not in the others, unless a client asks for it here.

import { errorCode, NONE, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { WriteTxnMarkers } from "@tusk/protocol/messages/WriteTxnMarkers"
import type { WritableTxnMarker, WriteTxnMarkersRequest } from "@tusk/protocol/messages/WriteTxnMarkers"
import { Committer } from "@tusk/storage/commit/Committer"
import { Log } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { CLUSTER_NAME } from "../request/Authorization.ts"
import { authorizeCluster } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

/** Transaction version 2: the epoch of a marker is above that of the records. */
const RAISES_EPOCH = 2

export const writeTxnMarkers = handler({
  api: WriteTxnMarkers,
  versions: [1, WriteTxnMarkers.maxVersion],
  resources: () => CLUSTER,
  reads: false,
  asks: [
    { operation: "alter", resourceType: "cluster" },
    { operation: "clusterAction", resourceType: "cluster", of: "in the place of Alter" }
  ],
  make: Effect.gen(function* () {
    const committer = yield* Committer
    const log = yield* Log
    const topics = yield* Topics

    const one = Effect.fnUntraced(function* (asked: WritableTxnMarker) {
      const {
        coordinatorEpoch,
        producerEpoch,
        producerId,
        topics: named,
        transactionResult,
        transactionVersion
      } = asked
      const raisesEpoch = transactionVersion >= RAISES_EPOCH
      const marker = { producerId, producerEpoch, coordinatorEpoch, committed: transactionResult, raisesEpoch }
      const places = named.map(({ name, partitionIndexes }) => {
        const topic = topics.byName(name)
        return partitionIndexes.map((index) => topic?.partitionIds[index])
      })
      const there = places.flat().filter((partitionId) => partitionId !== undefined)
      const marking = log.marking(there.map((partitionId) => ({ partitionId, marker })))
      const results = there.length === 0 ? [] : yield* committer.submit(marking)
      const errors = new Map(there.map((partitionId, i) => [partitionId, results[i]]))
      return answered(asked, (i, j) => {
        const partitionId = places[i]![j]
        const error: KafkaError | undefined =
          partitionId === undefined ? new UnknownTopicOrPartition() : errors.get(partitionId)
        return error === undefined ? NONE : errorCode(error)
      })
    })

    return Effect.fnUntraced(function* ({ markers }: WriteTxnMarkersRequest, context: RequestContext) {
      if (!context.mayQuietly("alter", "cluster", CLUSTER_NAME)) yield* authorizeCluster(context, "clusterAction")
      const answers = yield* Effect.forEach(markers, (marker) =>
        Effect.catch(one(marker), (error) => Effect.succeed(answered(marker, () => errorCode(error))))
      )
      return { markers: answers }
    })
  }),
  refuse: ({ markers }, code) => ({ markers: markers.map((marker) => answered(marker, () => code)) })
})

const answered = ({ producerId, topics }: WritableTxnMarker, codeOf: (topic: number, partition: number) => number) => ({
  producerId,
  topics: topics.map(({ name, partitionIndexes }, i) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex, j) => ({ partitionIndex, errorCode: codeOf(i, j) }))
  }))
})
