// Serves: Produce from version 3 on: record batches of magic 2; records for partition -1, which are routed by key (pg_kafka's extension); and batches that `tusk import` brings, which keep their offsets (`importedTo`, Tusk's extension).
// Left out: versions 0 to 2, which are advertised.
// Why: old librdkafka compresses only if version 0 is advertised, and then sends a later one.

import type { Producer } from "@tusk/coordinator/transaction/machine/Decision"
import type { ProducerKind } from "@tusk/coordinator/transaction/shell/Producing"
import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import {
  InvalidProducerIdMapping,
  InvalidRequiredAcks,
  RequestTimedOut,
  TransactionalIdAuthorizationFailed
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { ProduceRequest, ProduceResponse } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import type { Appended, AppendRequest } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { collect, isReady, known, openAll, produceServices } from "../produce/Collected.ts"
import type { Collected, ProduceServices } from "../produce/Collected.ts"
import { produceAnswer, refusedAnswer } from "../produce/ProduceAnswer.ts"
import { numberedBatch } from "../produce/ProducedBatch.ts"
import { permits, permitsQuietly } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { Answering, Placing } from "../request/Handler.ts"
import type { Places } from "../request/Places.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { topicsOf } from "../request/Resources.ts"
import { topicById, topicByName } from "../topics/CoordinatorTopics.ts"
import { TopicSettings } from "../topics/TopicSettings.ts"

/**
 * A `timeout.ms` below counts as this: a commit takes a while in which Kafka's leader has long answered, and some clients
 * ask for little.
 */
const LEAST_TIMEOUT_MS = 1000

/** As Kafka: a client that wants no answer learns of a failure by the end of the connection. */
const FAILED_UNANSWERED = "a Produce request with acks=0 failed"

export const produce = handler({
  api: Produce,
  resources: ({ topicData, transactionalId }) => ({
    ...topicsOf(topicData),
    transactionalIds: transactionalId === null ? [] : [transactionalId]
  }),
  versions: [3, Produce.maxVersion],
  // Older librdkafka will not compress unless it sees version 0.
  advertised: [0, Produce.maxVersion],
  concurrent: true,
  asks: [
    { operation: "write", resourceType: "transactionalId", of: "for records of a transaction" },
    { operation: "write", resourceType: "topic" },
    { operation: "alter", resourceType: "topic", of: "batches that are imported" }
  ],
  reads: false,
  waitsMs: () => Infinity,
  ownWaitMs: () => 0,
  isAwaited: ({ acks }) => acks !== 0,
  make: Effect.gen(function* () {
    const services = yield* produceServices
    const transactions = yield* Transactions
    const { log, placement, topics } = services
    return (request: ProduceRequest, context: RequestContext) => {
      const { apiVersion, connection } = context
      if (request.acks !== 0 && request.acks !== 1 && request.acks !== -1) return Effect.fail(new InvalidRequiredAcks())
      const reply = (collected: Collected, results: ReadonlyArray<Appended | KafkaError>) => {
        if (request.acks !== 0) return produceAnswer(placement, request, collected, results, context)
        if (collected.outcomes.some((each) => each.some(isKafkaError)) || results.some(isKafkaError)) {
          connection.close(FAILED_UNANSWERED)
        }
        return undefined
      }
      if (!mayTransact(request, context)) return Effect.fail(new TransactionalIdAuthorizationFailed())
      const timeoutMs = Math.max(request.timeoutMs, LEAST_TIMEOUT_MS)
      // A request that wants no answer has none that may come too late.
      const limitMs = request.acks === 0 ? undefined : timeoutMs
      const store = (collected: Collected) =>
        Effect.map(append(collected.appends, appending(log, transactions, request, apiVersion, limitMs)), (results) =>
          reply(collected, results)
        )
      const mayWrite = permits(context, "write", "topic")
      const found = request.topicData.map((data) => known(topics, data, apiVersion, mayWrite))
      const collected = collect(services, request, apiVersion, found, permits(context, "alter", "topic"))
      const { places } = connection
      return isReady(collected) && places.isEmpty
        ? store(collected)
        : storeInPlace(services, collected, places, timeoutMs, store)
    }
  }),
  putsObjects: Effect.gen(function* () {
    const topics = yield* Topics
    const settings = yield* TopicSettings
    return ({ topicData }: ProduceRequest, { apiVersion }: RequestContext) =>
      topicData.some(({ name, topicId }) => {
        const topic = apiVersion >= 13 ? topicById(topics, topicId) : topicByName(topics, name)
        return topic !== undefined && settings.of(topic.name).inObjects
      })
  }),
  turningAway: Effect.gen(function* () {
    const log = yield* Log
    const topics = yield* Topics
    return ({ topicData }: ProduceRequest, context: RequestContext) => {
      // A batch of one who may not write is no producer's first.
      const mayWrite = permitsQuietly(context, "write", "topic")
      for (const data of topicData) {
        const topic = known(topics, data, context.apiVersion, mayWrite)
        if (isKafkaError(topic)) continue
        for (const { index, records } of data.partitionData) {
          const partitionId = topic.partitionIds[index]
          const batch = numberedBatch(records)
          if (partitionId !== undefined && batch !== undefined) log.turnedAway(partitionId, batch)
        }
      }
    }
  }),
  refuse: (request, code, error, { connection }) => {
    if (request.acks !== 0) return refusedAnswer(request, code, error)
    connection.close(FAILED_UNANSWERED)
    return undefined
  }
})

/** Whether nothing of it is of a transaction, or the transactional id is the principal's to use. */
const mayTransact = ({ topicData, transactionalId }: ProduceRequest, context: RequestContext): boolean => {
  if (!context.connection.authorizer.isOn) return true
  const isOfTransaction = topicData.some(({ partitionData }) =>
    partitionData.some(
      ({ records }) => records !== null && RecordBatch.magic(records) === 2 && RecordBatch.isTransactional(records)
    )
  )
  return !isOfTransaction || (transactionalId !== null && context.may("write", "transactionalId", transactionalId))
}

/** What is to be opened is opened beside that of other requests; places are taken in order of arrival. */
const storeInPlace = (
  services: ProduceServices,
  collected: Collected,
  places: Places,
  timeoutMs: number,
  store: (collected: Collected) => Answering<ProduceResponse>
): Answering<ProduceResponse> | Placing<ProduceResponse> => {
  const place = places.claim()
  const isFull = services.recompression.isFull()
  let isPlaced = false
  const stored = Effect.suspend(() => {
    isPlaced = true
    return store(collected)
  })
  const leave = () => {
    // Before the end of its claim lets those behind it have their places.
    if (!isPlaced) turnAway(services.log, collected)
    places.end(place)
  }
  const answer = openAll(services, collected).pipe(
    Effect.andThen(places.turnOf(place)),
    Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => Effect.fail(new RequestTimedOut()) }),
    Effect.andThen(Effect.forkChild(stored, { startImmediately: true })),
    Effect.ensuring(Effect.sync(leave)),
    Effect.flatMap(Fiber.join)
  )
  // If too much waits to be opened, nothing more is read from this client until its requests have their places.
  return isFull ? { placed: places.drained, answer } : answer
}

/** They never had their places. */
const turnAway = (log: Log["Service"], { appends }: Collected): void => {
  for (const request of appends) {
    if (!isKafkaError(request)) log.turnedAway(request.partitionId, request.batch)
  }
}

type Append = (requests: ReadonlyArray<AppendRequest>) => Effect.Effect<ReadonlyArray<Appended | KafkaError>>

/** How batches are appended: those of a transaction together with what its transactional id knows of them. */
const appending =
  (
    log: Log["Service"],
    transactions: Transactions["Service"],
    { transactionalId }: ProduceRequest,
    apiVersion: number,
    timeoutMs: number | undefined
  ): Append =>
  (requests) => {
    if (transactionalId === null) return log.append(requests, timeoutMs)
    const first = requests.find(({ batch }) => RecordBatch.isTransactional(batch))
    if (first === undefined) return log.append(requests, timeoutMs)
    const producer = {
      transactionalId,
      producerId: RecordBatch.producerId(first.batch),
      producerEpoch: RecordBatch.producerEpoch(first.batch)
    }
    if (!requests.every(({ batch }) => isOf(producer, batch))) {
      return Effect.succeed(requests.map(() => new InvalidProducerIdMapping()))
    }
    return transactions.append(producer, kindOf(apiVersion), requests, timeoutMs)
  }

/** Whether a batch is not of another producer's transaction. */
const isOf = ({ producerEpoch, producerId }: Producer, batch: Uint8Array): boolean =>
  !RecordBatch.isTransactional(batch) ||
  (RecordBatch.producerId(batch) === producerId && RecordBatch.producerEpoch(batch) === producerEpoch)

/** From 12 on partitions become part of a transaction by their batches (KIP-890); 11 knows TRANSACTION_ABORTABLE. */
const kindOf = (apiVersion: number): ProducerKind =>
  apiVersion >= 12 ? "Adds" : apiVersion === 11 ? "NamesAndAborts" : "Names"

/** A result for each, in order; those refused before have theirs. */
const append = (
  requests: ReadonlyArray<AppendRequest | KafkaError>,
  appendAll: Append
): Effect.Effect<ReadonlyArray<Appended | KafkaError>> => {
  const accepted = requests.filter((request): request is AppendRequest => !isKafkaError(request))
  if (accepted.length === 0) return Effect.succeed(requests as ReadonlyArray<KafkaError>)
  const appended = appendAll(accepted)
  if (accepted.length === requests.length) return appended
  return Effect.map(appended, (results) => {
    let next = 0
    return requests.map((request) => (isKafkaError(request) ? request : results[next++]!))
  })
}
