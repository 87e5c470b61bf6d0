/** A producer to one topic: records into batches, batches on their way. */
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { partitionForKey } from "@tusk/protocol/record/Murmur2"
import { advanceSequence } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"
import { createdByProducing } from "./createdByProducing.ts"
import { BatchBuilder } from "./BatchBuilder.ts"
import type { ProducedRecord } from "./BatchBuilder.ts"
import { makeSender } from "./Sender.ts"

/** What a producer goes by. */
export interface ProducerOptions {
  readonly topic: string
  readonly acks: -1 | 0 | 1
  /** Without it what is sent again may be stored twice. */
  readonly idempotent: boolean
  /** A codec's number. */
  readonly codec: number
  /** A batch goes once its records have so many bytes, uncompressed. */
  readonly batchBytes: number
}

/** Takes records. */
export interface Producer {
  /** How many the topic has. */
  readonly partitions: number
  /** Adds a record to its partition's batch: by its key, or the given one. True: batches are full, call `sendFull`. */
  readonly add: (record: ProducedRecord, partition?: number) => boolean
  /** Sends the batches that are full; returns once there is room. */
  readonly sendFull: Effect.Effect<void, ClientError>
  /** Sends all, full or not. */
  readonly sendAll: Effect.Effect<void, ClientError>
  /** Whether records wait in a batch that is not full. */
  readonly hasWaiting: () => boolean
  /** Sends all, and returns once all is acknowledged. */
  readonly finish: Effect.Effect<void, ClientError>
}

interface Slot {
  readonly partition: number
  readonly builder: BatchBuilder
  sequence: number
}

const NOBODY = { producerId: -1n, producerEpoch: -1 }

const initProducerId = Effect.gen(function* () {
  const client = yield* KafkaClient
  const body = { ...InitProducerId.request.defaults(), transactionalId: null, transactionTimeoutMs: 60_000 }
  const answer = yield* client.ask(client.anyBroker, InitProducerId, body, ({ errorCode }) =>
    refusalOf(errorCode, "the producer's id")
  )
  return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
})

/** A producer to one topic. What has no key goes to one partition until its batch is full, then to the next. */
export const makeProducer = (options: ProducerOptions) =>
  Effect.gen(function* () {
    const { acks, batchBytes, codec, idempotent, topic } = options
    const client = yield* KafkaClient
    const partitions = (yield* createdByProducing(topic)).partitions.length
    const producer = idempotent ? yield* initProducerId : NOBODY
    const sender = yield* makeSender({ topic, acks, deliveryMs: 4 * client.options.requestTimeoutMs })
    const slots = Array.from({ length: partitions }, (_, partition): Slot => {
      return { partition, builder: new BatchBuilder(), sequence: idempotent ? 0 : -1 }
    })
    const full = new Set<Slot>()
    const begun = new Set<Slot>()
    let sticky = 0

    const slotOf = (record: ProducedRecord, partition: number | undefined): Slot => {
      if (partition !== undefined) return slots[partition]!
      return slots[record.key === null ? sticky : partitionForKey(record.key, partitions)]!
    }
    const add = (record: ProducedRecord, partition?: number): boolean => {
      const slot = slotOf(record, partition)
      slot.builder.add(record)
      begun.add(slot)
      if (slot.builder.bytes >= batchBytes) {
        full.add(slot)
        if (slot.partition === sticky) sticky = (sticky + 1) % partitions
      }
      return full.size > 0
    }
    const send = (slot: Slot) =>
      Effect.gen(function* () {
        const { partition, sequence } = slot
        const records = slot.builder.count
        full.delete(slot)
        begun.delete(slot)
        if (idempotent) slot.sequence = advanceSequence(sequence, records)
        const batch = yield* Effect.promise(() => slot.builder.seal(codec, { ...producer, baseSequence: sequence }))
        yield* sender.send({ partition, sequence, records, batch })
      })
    const sendFull = Effect.suspend(() => Effect.forEach([...full], send, { discard: true }))
    const sendAll = Effect.suspend(() => Effect.forEach([...begun], send, { discard: true }))
    return {
      add,
      sendFull,
      sendAll,
      hasWaiting: () => begun.size > 0,
      finish: Effect.andThen(sendAll, sender.finish),
      partitions
    } satisfies Producer
  })
