import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { PARTITIONS, produceRequest } from "./Requests.ts"

const VERSION = 9
const MAX_IN_FLIGHT = 5
const OUT_OF_ORDER = 45
const INVALID_EPOCH = 47
/** What a client repeats the request for; anything else a producer may never be told here. */
const RETRIABLE = new Set([3, 5, 6, 7, 13, 14, 15, 16, 19, 20, 56])

interface Batch {
  readonly partition: number
  readonly values: ReadonlyArray<string>
  readonly sequence: number
}

const utf8 = new TextEncoder()

const encode = (batch: Batch, nowMs: number, producerId: bigint, producerEpoch: number): Uint8Array =>
  RecordBatch.encodeBatch(
    batch.values.map((value) => ({ timestamp: BigInt(nowMs), key: null, value: utf8.encode(value) })),
    { producerId, producerEpoch, baseSequence: batch.sequence }
  )

/** An idempotent producer with acks=all: up to five requests in flight, each sent again until its outcome is known. */
export const idempotentProducer = (shared: ClientWorld, history: History, name: string, batches: number) =>
  Effect.gen(function* () {
    const client = new Client(shared, name)
    const { chance } = client
    const producerId = yield* initProducerId(client)
    const epoch = 1
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
      partition,
      sequence: 0,
      acknowledged: 0
    }))
    const open: Array<Batch> = []
    let left = batches
    let order = 0

    const make = (): Batch => {
      const state = chance.pick(partitions)
      const values = Array.from({ length: chance.between(1, 3) }, () => `${name}-${order++}`)
      values.forEach((value) =>
        history.sends("idempotent", name, state.partition, Number(value.slice(name.length + 1)), value)
      )
      const batch = { partition: state.partition, values, sequence: state.sequence }
      state.sequence += values.length
      return batch
    }

    const answered = (batch: Batch, errorCode: number, baseOffset: number, afterFailure: boolean): boolean => {
      if (errorCode === 0) {
        client.log(`${batch.values[0]} at ${batch.partition}@${baseOffset}`)
        batch.values.forEach((value, i) => history.acknowledged(value, baseOffset + i))
        partitions[batch.partition]!.acknowledged++
        return true
      }
      client.log(`${batch.values[0]} error ${errorCode}`)
      if (!RETRIABLE.has(errorCode) && !(afterFailure && errorCode === OUT_OF_ORDER)) {
        history.violate(
          "I1",
          `${name}: ${batch.values[0]} of partition ${batch.partition} is refused with ${errorCode}`
        )
      }
      return false
    }

    /** Sends all that is open, in order, and takes off what is acknowledged. */
    const round = Effect.gen(function* () {
      // Now and then each is sent twice, one behind the other: the second has to come to the same.
      const sent = open.flatMap((batch) => (chance.permille(30) ? [batch, batch] : [batch]))
      const requests = inRequests(sent, () => chance.permille(400))
      for (const request of requests) {
        const partitions = request.map((batch) => ({
          index: batch.partition,
          records: encode(batch, client.nowMs, producerId, epoch)
        }))
        yield* client.send(Produce, VERSION, produceRequest(partitions))
        if (chance.permille(300)) yield* Effect.sleep(chance.between(0, 10))
      }
      const failed = new Set<number>()
      for (const request of requests) {
        const answer = yield* client.receive(Produce, VERSION, 3000)
        for (const { baseOffset, errorCode, index } of answer.responses[0]!.partitionResponses) {
          const batch = request.find(({ partition }) => partition === index)!
          if (answered(batch, errorCode, Number(baseOffset), failed.has(index))) {
            if (open.includes(batch)) open.splice(open.indexOf(batch), 1)
          } else failed.add(index)
        }
      }
      return failed.size === 0
    })

    /** What has to be refused: a gap in the sequence, an old epoch. */
    const probe = Effect.gen(function* () {
      const state = chance.pick(partitions)
      if (state.acknowledged === 0) return
      const old = chance.permille(500)
      const values = [`${name}-forbidden-${order++}`]
      history.sends("forbidden", name, state.partition, -1, values[0]!)
      const batch = { partition: state.partition, values, sequence: old ? state.sequence : state.sequence + 7 }
      const bytes = encode(batch, client.nowMs, producerId, old ? epoch - 1 : epoch)
      const answer = yield* client.call(Produce, VERSION, produceRequest([{ index: batch.partition, records: bytes }]))
      const { baseOffset, errorCode } = answer.responses[0]!.partitionResponses[0]!
      client.log(`probe ${values[0]}: ${errorCode}`)
      if (errorCode === 0) history.acknowledged(values[0]!, Number(baseOffset))
      else if (errorCode !== (old ? INVALID_EPOCH : OUT_OF_ORDER) && !RETRIABLE.has(errorCode)) {
        history.violate("I2", `${name}: ${values[0]} is refused with ${errorCode}`)
      }
    })

    while (left > 0 || open.length > 0) {
      while (left > 0 && open.length < MAX_IN_FLIGHT && (open.length === 0 || chance.permille(600))) {
        open.push(make())
        left--
      }
      const done = yield* Effect.result(round)
      if (Result.isFailure(done)) client.log("lost its connection")
      if (Result.isFailure(done) || !done.success) yield* Effect.sleep(chance.between(10, 200))
      else if (open.length === 0 && chance.permille(60)) yield* Effect.result(probe)
      else yield* Effect.sleep(chance.between(0, 120))
    }
    client.log("is done")
    client.disconnect()
  })

/** One request for one batch or for several, in order; a request has one batch of a partition at most. */
const inRequests = (batches: ReadonlyArray<Batch>, together: () => boolean): ReadonlyArray<ReadonlyArray<Batch>> => {
  const requests: Array<Array<Batch>> = []
  for (const batch of batches) {
    const last = requests[requests.length - 1]
    if (last?.every(({ partition }) => partition !== batch.partition) === true && together()) last.push(batch)
    else requests.push([batch])
  }
  return requests
}

/** As some clients do, it takes its second epoch at once, so that its first one is old. */
export const initProducerId = (client: Client): Effect.Effect<bigint> =>
  Effect.gen(function* () {
    while (true) {
      const answer = yield* Effect.result(
        client.call(InitProducerId, 2, {
          ...InitProducerId.request.defaults(),
          transactionalId: null,
          transactionTimeoutMs: 60_000
        })
      )
      if (Result.isSuccess(answer) && answer.success.errorCode === 0) return answer.success.producerId
      yield* Effect.sleep(client.chance.between(10, 200))
    }
  })

/** A producer without idempotence and without retries: each record is there zero or one time, where it was acknowledged. */
export const plainProducer = (shared: ClientWorld, history: History, name: string, batches: number) =>
  Effect.gen(function* () {
    const client = new Client(shared, name)
    const { chance } = client
    for (let order = 0; order < batches; order++) {
      const partition = chance.below(PARTITIONS)
      const value = `${name}-${order}`
      history.sends("plain", name, partition, order, value)
      const bytes = encode({ partition, values: [value], sequence: -1 }, client.nowMs, -1n, -1)
      const answer = yield* Effect.result(
        client.call(Produce, VERSION, produceRequest([{ index: partition, records: bytes }]))
      )
      if (Result.isSuccess(answer)) {
        const { baseOffset, errorCode } = answer.success.responses[0]!.partitionResponses[0]!
        client.log(`${value} at ${partition}@${baseOffset} error ${errorCode}`)
        if (errorCode === 0) history.acknowledged(value, Number(baseOffset))
      }
      yield* Effect.sleep(chance.between(10, 400))
    }
    client.disconnect()
  })
