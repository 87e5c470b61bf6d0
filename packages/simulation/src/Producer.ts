import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { keyOf } from "./keyOf.ts"
import { PARTITIONS, produceRequest } from "./Requests.ts"

/** The version of Produce that simulated producers speak. */
export const PRODUCE_VERSION = 9
/** What a client repeats the request for; anything else a producer may never be told here. */
export const RETRIABLE = new Set([3, 5, 6, 7, 13, 14, 15, 16, 19, 20, 56])
/** Errors that say that nothing is stored, and never will be. */
export const DENIALS = new Set([3, 6, 56])

const utf8 = new TextEncoder()

export const encode = (
  { sequence, values }: { readonly values: ReadonlyArray<string>; readonly sequence: number },
  nowMs: number,
  producerId: bigint,
  producerEpoch: number,
  hasKeys = false
): Uint8Array =>
  RecordBatch.encodeBatch(
    values.map((value) => ({
      timestamp: BigInt(nowMs),
      key: hasKeys ? utf8.encode(keyOf(value)) : null,
      value: utf8.encode(value)
    })),
    { producerId, producerEpoch, baseSequence: sequence }
  )

/** As some clients do, it takes its second epoch at once, so that its first one is old. */
export const initProducerId = (client: Client, history: History): Effect.Effect<bigint> =>
  Effect.gen(function* () {
    while (true) {
      const id = yield* Effect.result(askProducerId(client, history))
      if (Result.isSuccess(id) && id.success !== undefined) return id.success
      yield* Effect.sleep(client.chance.between(10, 200))
    }
  })

/** Undefined: none was given. */
export const askProducerId = (client: Client, history: History) =>
  Effect.map(
    client.call(InitProducerId, 2, {
      ...InitProducerId.request.defaults(),
      transactionalId: null,
      transactionTimeoutMs: 60_000
    }),
    ({ errorCode, producerId }) => {
      if (errorCode !== 0) return undefined
      history.producerId(client.name, producerId)
      return producerId
    }
  )

/** A producer without idempotence and without retries: each record is there zero or one time, at the offset acknowledged. */
export const plainProducer = (shared: ClientWorld, history: History, name: string, batches: number) =>
  Effect.gen(function* () {
    const client = new Client(shared, name)
    const { chance } = client
    for (let order = 0; order < batches; order++) {
      const partition = chance.below(PARTITIONS)
      const value = `${name}-${order}`
      history.log.sends("plain", name, partition, order, value)
      const records = encode({ values: [value], sequence: -1 }, client.nowMs, -1n, -1, shared.hasKeys)
      const body = produceRequest([{ index: partition, records }])
      const answer = yield* Effect.result(client.call(Produce, PRODUCE_VERSION, body, 3000, body.timeoutMs))
      if (Result.isSuccess(answer)) {
        const { baseOffset, errorCode } = answer.success.responses[0]!.partitionResponses[0]!
        client.log(`${value} at ${partition}@${baseOffset} error ${errorCode}`)
        if (errorCode === 0) history.log.acknowledged(value, Number(baseOffset))
        // It is not sent again: so no reader ever sees it.
        else if (DENIALS.has(errorCode)) history.log.denied(value)
      }
      yield* Effect.sleep(chance.between(10, 400))
    }
    client.disconnect()
  })
