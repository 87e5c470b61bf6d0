// Serves: AddPartitionsToTxn in all versions: of clients up to 3, batched and verifying between brokers from 4 on.
// Left out: nothing.

import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import {
  CoordinatorNotAvailable,
  errorCode,
  NONE,
  OperationNotAttempted,
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
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { CLUSTER } from "../request/Resources.ts"
import { topicByName } from "../topics/CoordinatorTopics.ts"
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
  make: Effect.gen(function* () {
    const topics = yield* Topics
    const transactions = yield* Transactions

    const known = ({ name, partitions }: AddPartitionsToTxnTopic): ReadonlyArray<number | undefined> => {
      const topic = topicByName(topics, name)
      return partitions.map((index) => topic?.partitionIds[index])
    }

    const add = (asked: AddPartitionsToTxnTransaction, ids: ReadonlyArray<number>): Effect.Effect<Told, KafkaError> =>
      asked.verifyOnly
        ? Effect.sync(() => (partitionId) => transactions.verify(asked, partitionId))
        : Effect.as(transactions.add(asked, { partitionIds: ids }), () => undefined)

    /** One partition that is not there keeps all out. */
    const one = (asked: AddPartitionsToTxnTransaction, apiVersion: number) => {
      const ids = asked.topics.map(known)
      const there = ids.flat().filter((partitionId) => partitionId !== undefined)
      const isWhole = there.length === ids.flat().length
      const told: Effect.Effect<Told, KafkaError> = isWhole
        ? add(asked, there)
        : Effect.succeed((partitionId) =>
            partitionId === undefined ? new UnknownTopicOrPartition() : new OperationNotAttempted()
          )
      return Effect.map(
        Effect.catch(told, (error) => Effect.succeed<Told>(() => asKnown(error, apiVersion, FENCED_SINCE))),
        (tell) => ({
          transactionalId: asked.transactionalId,
          topicResults: asked.topics.map(({ name, partitions }, i) => ({
            name,
            resultsByPartition: partitions.map((partitionIndex, j) => {
              const error = tell(ids[i]![j])
              return { partitionIndex, partitionErrorCode: error === undefined ? NONE : errorCode(error) }
            })
          }))
        })
      )
    }

    return (request: AddPartitionsToTxnRequest, { apiVersion }: RequestContext) =>
      Effect.map(
        Effect.forEach(asked(request, apiVersion), (transaction) => one(transaction, apiVersion)),
        (results) => answer(results, apiVersion)
      )
  }),
  refuse: (request, code, _error, { apiVersion }) => {
    if (apiVersion >= BATCHED) return { ...answer([], apiVersion), errorCode: code }
    const refused = ({ topics, transactionalId }: AddPartitionsToTxnTransaction) => ({
      transactionalId,
      topicResults: topics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: code }))
      }))
    })
    return answer(asked(request, apiVersion).map(refused), apiVersion)
  }
})

/** What is told of each partition; undefined for one that is not there. */
type Told = (partitionId: number | undefined) => KafkaError | undefined

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
