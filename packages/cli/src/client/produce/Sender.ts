/** Batches on their way to the leaders: pipelined, in order, sent again if that may help. */
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { PartitionProduceResponse, ProduceRequest } from "@tusk/protocol/messages/Produce"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
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

export interface SenderOptions {
  readonly topic: string
  /** -1 for all replicas, 1 for the leader, 0 for no answer. */
  readonly acks: -1 | 0 | 1
  /** How long a batch may take with all its tries, in milliseconds. */
  readonly deliveryMs: number
}

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

/** A sender to one topic. At most five batches of a leader are in flight; their fibers end with the scope. */
export const makeSender = ({ acks, deliveryMs, topic }: SenderOptions) =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const scope = yield* Effect.scope
    const timeoutMs = client.options.requestTimeoutMs
    const permits = yield* Semaphore.make(MAX_IN_FLIGHT)
    const failed: Array<SealedBatch> = []
    let fatal: ClientError | undefined
    let cluster: ClusterMetadata = yield* client.metadata([topic])

    const requestOf = ({ batch, partition }: SealedBatch): ProduceRequest => ({
      transactionalId: null,
      acks,
      timeoutMs,
      topicData: [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: partition, records: batch }] }]
    })
    const connectionFor = (batch: SealedBatch): Effect.Effect<BrokerConnection, ClientError> => {
      const leader = leaderOf(cluster, { topic, partition: batch.partition })
      return typeof leader === "number" ? client.broker(leader) : Effect.fail(leader)
    }
    /** Sends it once. */
    const attempt = (batch: SealedBatch, connection: BrokerConnection): Effect.Effect<void, ClientError> => {
      if (acks === 0) return connection.tell(Produce, requestOf(batch), BY_NAME)
      return Effect.flatMap(connection.ask(Produce, requestOf(batch), { ...BY_NAME, waitsMs: timeoutMs }), (answer) => {
        const told = answer.responses[0]?.partitionResponses[0]
        const code = told?.errorCode ?? 0
        // What was sent twice because an answer got lost is there.
        if (told === undefined || code === DUPLICATE_SEQUENCE_NUMBER) return Effect.void
        const refusal = refusalOf(code, partitionText({ topic, partition: batch.partition }), detailOf(told))
        return refusal === undefined ? Effect.void : Effect.fail(refusal)
      })
    }
    const mayPass = (error: ClientError, behindAFailed: boolean): boolean =>
      isRetriable(error) || (behindAFailed && error instanceof Refused && error.code === OUT_OF_ORDER_SEQUENCE_NUMBER)

    const note = (batch: SealedBatch) => (error: ClientError) =>
      Effect.sync(() => {
        const behindAFailed = failed.some(
          ({ partition, sequence }) => partition === batch.partition && sequence < batch.sequence
        )
        if (mayPass(error, behindAFailed)) failed.push(batch)
        else fatal ??= error
      })

    /** Nothing is in flight any more: what failed goes again, one after the other, in the order of its records. */
    const recover: Effect.Effect<void, ClientError> = Effect.gen(function* () {
      const until = (yield* Clock.currentTimeMillis) + deliveryMs
      for (const batch of failed.splice(0).sort((a, b) => a.partition - b.partition || a.sequence - b.sequence)) {
        for (;;) {
          const outcome = yield* Effect.result(
            Effect.gen(function* () {
              cluster = yield* client.metadata([topic])
              yield* attempt(batch, yield* connectionFor(batch))
            })
          )
          if (outcome._tag === "Success") break
          if (!isRetriable(outcome.failure) || (yield* Clock.currentTimeMillis) + PAUSE_MS > until) {
            return yield* Effect.fail((fatal ??= outcome.failure))
          }
          yield* Effect.sleep(PAUSE_MS)
        }
      }
    })
    const finish: Effect.Effect<void, ClientError> = Effect.gen(function* () {
      yield* permits.withPermits(MAX_IN_FLIGHT)(
        Effect.suspend(() => (fatal === undefined ? (failed.length > 0 ? recover : Effect.void) : Effect.fail(fatal)))
      )
    })
    const send = (batch: SealedBatch): Effect.Effect<void, ClientError> =>
      Effect.gen(function* () {
        if (failed.length > 0 || fatal !== undefined) yield* finish
        yield* permits.take(1)
        const connection = yield* Effect.result(connectionFor(batch))
        const sent =
          connection._tag === "Success" ? attempt(batch, connection.success) : Effect.fail(connection.failure)
        yield* sent.pipe(
          Effect.catch(note(batch)),
          Effect.ensuring(permits.release(1)),
          Effect.forkIn(scope, { startImmediately: true })
        )
      })
    return { send, finish } satisfies Sender
  })
