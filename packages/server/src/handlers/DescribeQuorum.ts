// Serves: DescribeQuorum in all versions: the broker that serves is the whole quorum.
// Left out: offsets of the metadata log, brokers that wait for the lock.
// Why: metadata are rows, in no log; who waits is not known to the one that has the lock.

import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { errorCode, errorMessage, NONE, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import { DescribeQuorum } from "@tusk/protocol/messages/DescribeQuorum"
import type { DescribeQuorumRequest, DescribeQuorumResponse } from "@tusk/protocol/messages/DescribeQuorum"
import { Active } from "@tusk/storage/commit/Active"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { authorizeCluster, clusterRefused } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import { Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"

/** The topic of the metadata log, which has one partition. */
const METADATA = "__cluster_metadata"
/** Kafka's answer for an offset that is not known. */
const NO_OFFSET = -1n

const asksForMetadata = ({ topics }: DescribeQuorumRequest): boolean =>
  topics.length === 1 &&
  topics[0]!.topicName === METADATA &&
  topics[0]!.partitions.length === 1 &&
  topics[0]!.partitions[0]!.partitionIndex === 0

/** As the protocol's defaults, where nothing is known. */
const nothing = {
  errorCode: NONE,
  errorMessage: "",
  leaderId: 0,
  leaderEpoch: 0,
  highWatermark: 0n,
  currentVoters: [],
  observers: []
}

const unknown = new UnknownTopicOrPartition({ message: "This server does not host this topic-partition." })

export const describeQuorum = handler({
  api: DescribeQuorum,
  resources: () => CLUSTER,
  asks: [{ operation: "describe", resourceType: "cluster" }],
  reads: true,
  make: Effect.gen(function* () {
    const active = yield* Active
    const placement = yield* Placement
    const clock = yield* Clock.Clock
    const describe = (request: DescribeQuorumRequest, { apiVersion, connection: { listener } }: RequestContext) =>
      Effect.sync(() => {
        const answer = (topics: DescribeQuorumResponse["topics"], nodes: DescribeQuorumResponse["nodes"]) => ({
          errorCode: NONE,
          errorMessage: "",
          topics,
          nodes
        })
        if (!asksForMetadata(request)) {
          const [code, message] = [errorCode(unknown), errorMessage(unknown)]
          const topics = request.topics.map(({ partitions, topicName }) => ({
            topicName,
            partitions: partitions.map(({ partitionIndex }) => ({
              ...nothing,
              partitionIndex,
              errorCode: code,
              errorMessage: message
            }))
          }))
          return answer(topics, [])
        }
        const leaderId = placement.controller()
        const now = BigInt(clock.currentTimeMillisUnsafe())
        const leader = {
          replicaId: leaderId,
          replicaDirectoryId: ZERO_UUID,
          logEndOffset: NO_OFFSET,
          lastFetchTimestamp: now,
          lastCaughtUpTimestamp: now
        }
        const partition = {
          ...nothing,
          partitionIndex: 0,
          leaderId,
          leaderEpoch: active.epoch(),
          highWatermark: NO_OFFSET,
          currentVoters: [leader]
        }
        const nodes = placement
          .brokers(listener)
          .filter(({ nodeId }) => apiVersion >= 2 && nodeId === leaderId)
          .map(({ host, nodeId, port }) => ({ nodeId, listeners: [{ name: listener.name, host, port }] }))
        return answer([{ topicName: METADATA, partitions: [partition] }], nodes)
      })
    return (request: DescribeQuorumRequest, context: RequestContext) =>
      Effect.andThen(authorizeCluster(context, "describe", clusterRefused), describe(request, context))
  }),
  refuse: (_request, code, error) => ({ errorCode: code, errorMessage: errorMessage(error), topics: [], nodes: [] })
})
