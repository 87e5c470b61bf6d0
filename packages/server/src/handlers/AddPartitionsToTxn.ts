// Serves: AddPartitionsToTxn in all versions: of clients up to 3, batched and verifying between brokers from 4 on.
// Left out: nothing.

import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import {
  CoordinatorNotAvailable,
  errorCode,
  NONE,
  OperationNotAttempted,
  TopicAuthorizationFailed,
  TransactionalIdAuthorizationFailed,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import type {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnTopic,
  AddPartitionsToTxnTransaction
} from "@tusk/protocol/messages/AddPartitionsToTxn"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { authorizeCluster, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { topicByName } from "../topics/CoordinatorTopics.ts"
import { misdirected } from "../topics/misdirected.ts"
import { isInternalTopic } from "../topics/TopicNames.ts"
import { TopicSettings } from "../topics/TopicSettings.ts"
import { asKnown } from "../transactions/olderCodes.ts"

/** Knows PRODUCER_FENCED. */
const FENCED_SINCE = 2
/** From here on brokers ask, for many transactions at a time. */
const BATCHED = 4

export const addPartitionsToTxn = handler({
  api: AddPartitionsToTxn,
  resources: (request) =>
    request.transactions.length > 0 ? CLUSTER : { transactionalIds: [request.v3AndBelowTransactionalId] },
  reads: false,
  later: () => new CoordinatorNotAvailable(),
  asks: [
    { operation: "write", resourceType: "transactionalId", of: "versions up to 3" },
    { operation: "write", resourceType: "topic", of: "versions up to 3" },
    { operation: "clusterAction", resourceType: "cluster", of: "versions from 4 on, which brokers send" }
  ],
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const transactions = yield* Transactions
    const settings = yield* TopicSettings

    const known =
      (mayWrite: (topic: string) => boolean) =>
      ({ name, partitions }: AddPartitionsToTxnTopic): ReadonlyArray<Place> => {
        if (!mayWrite(name)) return partitions.map(() => new TopicAuthorizationFailed())
        const topic = topicByName(topics, name)
        // Else the marker of its end would take an offset of the topic's source.
        if (topic !== undefined && settings.of(topic.name).importing) {
          return partitions.map(() => misdirected(topic.name, true))
        }
        return partitions.map((index) => topic?.partitionIds[index] ?? new UnknownTopicOrPartition())
      }

    const add = (asked: AddPartitionsToTxnTransaction, ids: ReadonlyArray<number>): Effect.Effect<Told, KafkaError> =>
      asked.verifyOnly
        ? Effect.sync(() => (partitionId) => transactions.verify(asked, partitionId))
        : Effect.as(transactions.add(asked, { partitionIds: ids }), () => undefined)

    /** One partition that is not there, or that may not be written to, keeps all out. */
    const one = (
      asked: AddPartitionsToTxnTransaction,
      apiVersion: number,
      mayWrite: (topic: string) => boolean
    ): Effect.Effect<Result> => {
      const places = asked.topics.map(known(mayWrite))
      const there = places.flat().filter((place) => typeof place === "number")
      const isWhole = there.length === places.flat().length
      const told: Effect.Effect<Told, KafkaError> = isWhole
        ? add(asked, there)
        : Effect.succeed(() => new OperationNotAttempted())
      return Effect.map(
        Effect.catch(told, (error) => Effect.succeed<Told>(() => asKnown(error, apiVersion, FENCED_SINCE))),
        (tell) => ({
          transactionalId: asked.transactionalId,
          topicResults: asked.topics.map(({ name, partitions }, i) => ({
            name,
            resultsByPartition: partitions.map((partitionIndex, j) => {
              const place = places[i]![j]!
              const error = typeof place === "number" ? tell(place) : place
              return { partitionIndex, partitionErrorCode: error === undefined ? NONE : errorCode(error) }
            })
          }))
        })
      )
    }

    return Effect.fnUntraced(function* (request: AddPartitionsToTxnRequest, context: RequestContext) {
      const { apiVersion } = context
      if (apiVersion >= BATCHED) yield* authorizeCluster(context, "clusterAction")
      const mayWrite = apiVersion >= BATCHED ? () => true : writableByClient(context)
      const results = yield* Effect.forEach(asked(request, apiVersion), (transaction) =>
        apiVersion < BATCHED && !context.may("write", "transactionalId", transaction.transactionalId)
          ? Effect.succeed(refused(transaction, errorCode(new TransactionalIdAuthorizationFailed())))
          : one(transaction, apiVersion, mayWrite)
      )
      return answer(results, apiVersion)
    })
  }),
  refuse: (request, code, _error, { apiVersion }) => {
    if (apiVersion >= BATCHED) return { ...answer([], apiVersion), errorCode: code }
    return answer(
      asked(request, apiVersion).map((transaction) => refused(transaction, code)),
      apiVersion
    )
  }
})

/** The id of a partition, or why it cannot be added. */
type Place = number | KafkaError

/** What is told of each partition. */
type Told = (partitionId: number) => KafkaError | undefined

/** No client writes to a topic of the coordinators, whatever its rights. */
const writableByClient = (context: RequestContext): ((topic: string) => boolean) => {
  const mayWrite = permits(context, "write", "topic")
  return (topic) => !isInternalTopic(topic) && mayWrite(topic)
}

const refused = ({ topics, transactionalId }: AddPartitionsToTxnTransaction, code: number): Result => ({
  transactionalId,
  topicResults: topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: code }))
  }))
})

const asked = (request: AddPartitionsToTxnRequest, apiVersion: number): ReadonlyArray<AddPartitionsToTxnTransaction> =>
  apiVersion >= BATCHED
    ? request.transactions
    : [
        {
          transactionalId: request.v3AndBelowTransactionalId,
          producerId: request.v3AndBelowProducerId,
          producerEpoch: request.v3AndBelowProducerEpoch,
          verifyOnly: false,
          topics: request.v3AndBelowTopics
        }
      ]

interface Result {
  readonly transactionalId: string
  readonly topicResults: ReadonlyArray<{
    readonly name: string
    readonly resultsByPartition: ReadonlyArray<{ readonly partitionIndex: number; readonly partitionErrorCode: number }>
  }>
}

const answer = (results: ReadonlyArray<Result>, apiVersion: number) => ({
  errorCode: NONE,
  resultsByTransaction: apiVersion >= BATCHED ? results : [],
  resultsByTopicV3AndBelow: apiVersion >= BATCHED ? [] : (results[0]?.topicResults ?? [])
})
