// Serves: TxnOffsetCommit in all versions: offsets that are committed with the transaction, fenced by member and generation (KIP-447).
// Left out: nothing.

import { Groups } from "@tusk/coordinator/group/shell/Groups"
import type { OffsetToCommit } from "@tusk/coordinator/group/shell/GroupRequests"
import type { ProducerKind } from "@tusk/coordinator/transaction/shell/Producing"
import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import {
  CoordinatorNotAvailable,
  errorCode,
  GroupAuthorizationFailed,
  NONE,
  TopicAuthorizationFailed,
  TransactionalIdAuthorizationFailed,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { TxnOffsetCommit } from "@tusk/protocol/messages/TxnOffsetCommit"
import type { TxnOffsetCommitRequest } from "@tusk/protocol/messages/TxnOffsetCommit"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { refusedFirst } from "../groups/refusedFirst.ts"
import { permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { namesOf } from "../request/Resources.ts"
import { groupPartition } from "../transactions/groupPartition.ts"

/** From 5 on offsets become part of a transaction by themselves (KIP-890); 4 knows TRANSACTION_ABORTABLE. */
const kindOf = (apiVersion: number): ProducerKind =>
  apiVersion >= 5 ? "Adds" : apiVersion === 4 ? "NamesAndAborts" : "Names"

export const txnOffsetCommit = handler({
  api: TxnOffsetCommit,
  resources: ({ groupId, topics, transactionalId }) => ({
    topics: namesOf(topics),
    groups: [groupId],
    transactionalIds: [transactionalId]
  }),
  reads: true,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "write", resourceType: "transactionalId" },
    { operation: "read", resourceType: "group" },
    { operation: "read", resourceType: "topic" }
  ],
  make: Effect.gen(function* () {
    const groups = yield* Groups
    const topics = yield* Topics
    const transactions = yield* Transactions
    return Effect.fnUntraced(function* (request: TxnOffsetCommitRequest, context: RequestContext) {
      const { generationId, groupId, groupInstanceId, memberId } = request
      if (!context.may("write", "transactionalId", request.transactionalId)) {
        return yield* new TransactionalIdAuthorizationFailed()
      }
      if (!context.may("read", "group", groupId)) return yield* new GroupAuthorizationFailed()
      const mayRead = permits(context, "read", "topic")
      const { apiVersion } = context
      const kind = kindOf(apiVersion)
      const groupPartitionId = groupPartition(topics, groupId)
      const offsets: Array<OffsetToCommit> = []
      const partitions: Array<{ readonly topicId: string; readonly partition: number }> = []
      const places = request.topics.map(({ name, partitions: asked }) => {
        if (!mayRead(name)) return asked.map((): KafkaError => new TopicAuthorizationFailed())
        const topic = topics.byName(name)
        return asked.map((one): number | KafkaError => {
          const partitionId = topic?.partitionIds[one.partitionIndex]
          if (topic === undefined || partitionId === undefined) return new UnknownTopicOrPartition()
          partitions.push({ topicId: topic.topicId, partition: one.partitionIndex })
          const { committedLeaderEpoch: leaderEpoch, committedMetadata: metadata, committedOffset: offset } = one
          return offsets.push({ partitionId, offset, leaderEpoch, metadata }) - 1
        })
      })
      const results =
        offsets.length === 0
          ? []
          : yield* groups
              .commitOffsets(
                {
                  groupId,
                  memberId,
                  groupInstanceId,
                  generationId,
                  apiVersion,
                  transactional: true,
                  retentionTimeMs: -1n,
                  offsets,
                  partitions
                },
                {
                  mayCommit: Effect.suspend(() => {
                    const refused = transactions.refusal(request, kind, groupPartitionId)
                    return refused === undefined ? Effect.void : Effect.fail(refused)
                  }),
                  store: (entries) => transactions.addOffsets(request, groupId, groupPartitionId, entries, kind)
                }
              )
              .pipe(
                // What cannot be committed for another reason is told that one, whatever becomes of the rest.
                Effect.catch((error: KafkaError) => Effect.succeed(offsets.map(() => error)))
              )
      const answered = request.topics.map(({ name, partitions: asked }, i) => ({
        name,
        partitions: asked.map(({ partitionIndex }, j) => {
          const place = places[i]![j]!
          const error = typeof place === "number" ? results[place] : place
          return { partitionIndex, errorCode: error ? errorCode(error) : NONE }
        })
      }))
      return { topics: refusedFirst(answered, (i, j) => typeof places[i]![j] !== "number") }
    })
  }),
  refuse: (request, code) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code }))
    }))
  })
})
