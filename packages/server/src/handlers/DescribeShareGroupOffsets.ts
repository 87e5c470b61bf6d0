// Serves: DescribeShareGroupOffsets in all versions: a share group's start offset in each partition, and its lag.
// Left out: leader epochs, which are 0.
// Why: a share group keeps no epoch with its offsets.

import { ShareGroups } from "@tusk/coordinator/group/shell/ShareGroups"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import {
  CoordinatorNotAvailable,
  errorCode,
  errorMessage,
  GroupAuthorizationFailed,
  NONE,
  TopicAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { DescribeShareGroupOffsets } from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import type {
  DescribeShareGroupOffsetsRequest,
  DescribeShareGroupOffsetsResponse
} from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import * as Effect from "effect/Effect"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

type AskedGroup = DescribeShareGroupOffsetsRequest["groups"][number]
type AskedTopic = NonNullable<AskedGroup["topics"]>[number]
type Group = DescribeShareGroupOffsetsResponse["groups"][number]
type Partition = Group["topics"][number]["partitions"][number]

const partition = (partitionIndex: number, startOffset: bigint, lag: bigint): Partition => ({
  partitionIndex,
  startOffset,
  leaderEpoch: 0,
  lag,
  errorCode: NONE,
  errorMessage: null
})

const failed = (index: number, error: KafkaError): Partition => ({
  ...partition(index, -1n, -1n),
  errorCode: errorCode(error),
  errorMessage: errorMessage(error)
})

const forbidden = ({ partitions, topicName }: AskedTopic) => ({
  topicName,
  topicId: ZERO_UUID,
  partitions: partitions.map((index) =>
    failed(index, new TopicAuthorizationFailed({ message: "Topic authorization failed." }))
  )
})

const refused = (groupId: string, error: KafkaError): Group => ({
  groupId,
  topics: [],
  errorCode: errorCode(error),
  errorMessage: errorMessage(error)
})

export const describeShareGroupOffsets = handler({
  api: DescribeShareGroupOffsets,
  resources: ({ groups }) => ({ groups: groups.map(({ groupId }) => groupId) }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "describe", resourceType: "group" },
    { operation: "describe", resourceType: "topic", of: "each topic that is told" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* ShareGroups
    const log = yield* Log
    const shared = yield* SharePartitions
    const topics = yield* Topics

    /** The group's offsets in one topic's partitions: -1 if it was never there. */
    const inTopic = Effect.fnUntraced(function* (
      name: string,
      indexes: ReadonlyArray<number>,
      offsets: ReadonlyMap<number, bigint | KafkaError>
    ) {
      const topic = topics.byName(name)
      const ids = indexes.map((index) => topic?.partitionIds[index])
      const ends = yield* log.ends(ids.filter((id) => id !== undefined))
      let next = 0
      return {
        topicName: name,
        topicId: topic?.topicId ?? ZERO_UUID,
        partitions: indexes.map((index, i): Partition => {
          const id = ids[i]
          // As Apache Kafka: what is not there has no offsets.
          if (id === undefined) return partition(index, -1n, -1n)
          const end = ends[next++]!
          const start = offsets.get(id)
          if (start === undefined) return partition(index, -1n, -1n)
          if (typeof start !== "bigint") return failed(index, start)
          return partition(index, start, isKafkaError(end) ? -1n : end.highWatermark - start)
        })
      }
    })

    /** Every topic the group was in. */
    const everywhere = (offsets: ReadonlyMap<number, bigint | KafkaError>): ReadonlyArray<AskedTopic> => {
      const found = new Map<string, Array<number>>()
      for (const id of offsets.keys()) {
        const place = topics.ofPartition(id)
        if (place === undefined) continue
        const indexes = found.get(place.topic.name)
        if (indexes === undefined) found.set(place.topic.name, [place.index])
        else indexes.push(place.index)
      }
      return Array.from(found, ([topicName, partitions]) => ({
        topicName,
        partitions: partitions.sort((a, b) => a - b)
      }))
    }

    const one = ({ groupId, topics: asked }: AskedGroup, context: RequestContext): Effect.Effect<Group> =>
      Effect.gen(function* () {
        if (!context.may("describe", "group", groupId)) return refused(groupId, new GroupAuthorizationFailed())
        const [group] = yield* groups.describe([groupId])
        // As Apache Kafka: a group that is not there has no offsets.
        if (group !== undefined && "error" in group && group.error._tag !== "GroupIdNotFound") {
          return refused(groupId, group.error)
        }
        const offsets = yield* shared.startOffsets(groupId)
        const mayDescribe = permits(context, "describe", "topic")
        const told = parted(asked ?? everywhere(offsets), mayDescribe, ({ topicName }) => topicName)
        const found = yield* Effect.forEach(told.allowed, ({ partitions, topicName }) =>
          inTopic(topicName, partitions, offsets)
        )
        // What was not asked for by its name is left out.
        const hidden = asked === null ? [] : told.refused.map(forbidden)
        return { groupId, topics: [...found, ...hidden], errorCode: NONE, errorMessage: null }
      }).pipe(Effect.catch((error) => Effect.succeed(refused(groupId, error))))

    return (request: DescribeShareGroupOffsetsRequest, context: RequestContext) =>
      Effect.map(
        Effect.forEach(request.groups, (group) => one(group, context)),
        (described) => ({ groups: described })
      )
  }),
  refuse: (request, _code, error) => ({
    groups: request.groups.map(({ groupId }) => refused(groupId, error))
  })
})
