/** Batches on their way to the leaders: pipelined, in order, sent again if that may help. */
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { PartitionProduceResponse, ProduceRequest } from "@tusk/protocol/messages/Produce"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { BrokerConnection } from "../BrokerConnection.ts"
import { isRetriable, Refused, refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"
import { leaderOf, partitionText } from "../leaders.ts"
import type { ClusterMetadata } from "../Metadata.ts"

/** A batch that waits for its answer. */
export interface SealedBatch {
  readonly partition: number
  /** -1 of a producer that is not idempotent. */
  readonly sequence: number
  readonly records: number
  readonly batch: Uint8Array
}

/** What a sender goes by. */
export interface SenderOptions {
  readonly topic: string
  /** -1 for all replicas, 1 for the leader, 0 for no answer. */
  readonly acks: -1 | 0 | 1
  /** How long a batch may take with all its tries, in milliseconds. */
  readonly deliveryMs: number
}

/** Takes batches on their way. */
export interface Sender {
  /** Returns once there is room for more; fails with what became of earlier batches. */
  readonly send: (batch: SealedBatch) => Effect.Effect<void, ClientError>
  /** Returns once all are acknowledged. */
  readonly finish: Effect.Effect<void, ClientError>
}

/** As many as a broker keeps of an idempotent producer. */
const MAX_IN_FLIGHT = 5
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const DUPLICATE_SEQUENCE_NUMBER = 46
const PAUSE_MS = 100

/** Kafka's versions from 13 on name topics by their ids. */
const BY_NAME = { minVersion: 3, maxVersion: 12 }

const detailOf = (answer: PartitionProduceResponse): string | null =>
  answer.recordErrors[0]?.batchIndexErrorMessage ?? answer.errorMessage

/** What goes on while batches are sent. */
class Sending {
  readonly #client: KafkaClient["Service"]
  readonly #options: SenderOptions
  readonly #permits: Semaphore.Semaphore
  readonly #scope: Scope.Scope
  readonly #failed: Array<SealedBatch> = []
  #fatal: ClientError | undefined
  #cluster: ClusterMetadata

  constructor(
    client: KafkaClient["Service"],
    options: SenderOptions,
    permits: Semaphore.Semaphore,
    scope: Scope.Scope,
    cluster: ClusterMetadata
  ) {
    this.#client = client
    this.#options = options
    this.#permits = permits
    this.#scope = scope
    this.#cluster = cluster
  }

  send(batch: SealedBatch): Effect.Effect<void, ClientError> {
    return Effect.gen({ self: this }, function* () {
      yield* this.#permits.take(1)
      // Looked at behind the wait: a batch that failed goes first, and the broker remembers no more than five.
      while (this.#failed.length > 0 || this.#fatal !== undefined) {
        yield* this.#permits.release(1)
        yield* this.finish()
        yield* this.#permits.take(1)
      }
      const connection = yield* Effect.result(this.#connectionFor(batch))
      const sent =
        connection._tag === "Success" ? this.#attempt(batch, connection.success) : Effect.fail(connection.failure)
      yield* sent.pipe(
        Effect.catch((error) => Effect.sync(() => this.#note(batch, error))),
        Effect.ensuring(this.#permits.release(1)),
        // At once: the requests leave in the order of the batches.
        Effect.forkIn(this.#scope, { startImmediately: true })
      )
    })
  }

  finish(): Effect.Effect<void, ClientError> {
    const settle = Effect.suspend(() => {
      if (this.#fatal !== undefined) return Effect.fail(this.#fatal)
      return this.#failed.length > 0 ? this.#recover() : Effect.void
    })
    return this.#permits.withPermits(MAX_IN_FLIGHT)(settle)
  }

  /** Nothing is in flight any more: what failed goes again, one after the other, in the order of its records. */
  #recover(): Effect.Effect<void, ClientError> {
    return Effect.gen({ self: this }, function* () {
      const until = (yield* Clock.currentTimeMillis) + this.#options.deliveryMs
      const batches = this.#failed.splice(0).sort((a, b) => a.partition - b.partition || a.sequence - b.sequence)
      for (const batch of batches) yield* this.#insist(batch, until)
    })
  }

  #insist(batch: SealedBatch, until: number): Effect.Effect<void, ClientError> {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const outcome = yield* Effect.result(this.#again(batch))
        if (outcome._tag === "Success") return
        if (!isRetriable(outcome.failure) || (yield* Clock.currentTimeMillis) + PAUSE_MS > until) {
          return yield* Effect.fail((this.#fatal ??= outcome.failure))
        }
        yield* Effect.sleep(PAUSE_MS)
      }
    })
  }

  #again(batch: SealedBatch): Effect.Effect<void, ClientError> {
    return Effect.gen({ self: this }, function* () {
      this.#cluster = yield* this.#client.metadata([this.#options.topic])
      yield* this.#attempt(batch, yield* this.#connectionFor(batch))
    })
  }

  #connectionFor({ partition }: SealedBatch): Effect.Effect<BrokerConnection, ClientError> {
    const leader = leaderOf(this.#cluster, { topic: this.#options.topic, partition })
    return typeof leader === "number" ? this.#client.broker(leader) : Effect.fail(leader)
  }

  #attempt(batch: SealedBatch, connection: BrokerConnection): Effect.Effect<void, ClientError> {
    const { acks, topic } = this.#options
    const timeoutMs = this.#client.options.requestTimeoutMs
    const { batch: records, partition } = batch
    const request: ProduceRequest = {
      transactionalId: null,
      acks,
      timeoutMs,
      topicData: [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: partition, records }] }]
    }
    if (acks === 0) return connection.tell(Produce, request, BY_NAME)
    return Effect.flatMap(connection.ask(Produce, request, { ...BY_NAME, waitsMs: timeoutMs }), (answer) => {
      const told = answer.responses[0]?.partitionResponses[0]
      // What was sent twice because an answer got lost is there.
      if (told === undefined || told.errorCode === DUPLICATE_SEQUENCE_NUMBER) return Effect.void
      const refusal = refusalOf(told.errorCode, partitionText({ topic, partition }), detailOf(told))
      return refusal === undefined ? Effect.void : Effect.fail(refusal)
    })
  }

  #note(batch: SealedBatch, error: ClientError): void {
    const isBehind = this.#failed.some(
      ({ partition, sequence }) => partition === batch.partition && sequence < batch.sequence
    )
    // Behind a batch that is missing, no other is in order.
    const follows = isBehind && error instanceof Refused && error.code === OUT_OF_ORDER_SEQUENCE_NUMBER
    if (follows || isRetriable(error)) this.#failed.push(batch)
    else this.#fatal ??= error
  }
}

/** A sender to one topic. At most five batches are in flight; their fibers end with the scope. */
export const makeSender = (options: SenderOptions): Effect.Effect<Sender, ClientError, KafkaClient | Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const permits = yield* Semaphore.make(MAX_IN_FLIGHT)
    const cluster = yield* client.metadata([options.topic])
    const sending = new Sending(client, options, permits, yield* Effect.scope, cluster)
    return { send: (batch) => sending.send(batch), finish: Effect.suspend(() => sending.finish()) }
  })
