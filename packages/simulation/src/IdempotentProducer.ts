import { Produce } from "@tusk/protocol/messages/Produce"
import type { ProduceResponse } from "@tusk/protocol/messages/Produce"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld, type Lost, request } from "./Client.ts"
import type { Request } from "./Client.ts"
import type { History } from "./History.ts"
import { encode, initProducerId, PRODUCE_VERSION, RETRIABLE } from "./Producer.ts"
import { bystander, PARTITIONS, produceRequest } from "./Requests.ts"

const MAX_IN_FLIGHT = 5
const REQUEST_TIMED_OUT = 7
const OUT_OF_ORDER = 45
const INVALID_EPOCH = 47
/** Errors that say that the batch is not stored, and never will be by the request that they answer. */
const DENIALS = new Set([3, 6, OUT_OF_ORDER, 56])
const EPOCH = 1

interface Batch {
  readonly partition: number
  readonly values: ReadonlyArray<string>
  sequence: number
  /** Of its partition: how many were made before it. */
  readonly number: number
  /** What became of some time that it was sent is not known. */
  isDoubtful: boolean
  lastError: number
}

/** What is sent in one go: a Produce of some batches, or something that a client asks for between two. */
type Item = { readonly request: Request } & (
  { readonly batches: ReadonlyArray<Batch>; timeoutMs: number } | { readonly batches: undefined }
)

/**
 * An idempotent producer with acks=all: up to five requests in flight, with others between them, each batch sent again until
 * its outcome is known. Now and then it gives up a batch that is not stored, and goes on with another producer id.
 */
export class IdempotentProducer {
  readonly #client: Client
  readonly #history: History
  readonly #name: string
  readonly #hasKeys: boolean
  #producerId = -1n
  #left: number
  #order = 0
  #open: Array<Batch> = []
  #partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    sequence: 0,
    made: 0,
    acknowledged: 0
  }))
  /** What it knew of the partitions' states: a failover may lose them. */
  #era = 0

  constructor(shared: ClientWorld, history: History, name: string, batches: number) {
    this.#client = new Client(shared, name)
    this.#history = history
    this.#name = name
    this.#hasKeys = shared.hasKeys
    this.#left = batches
  }

  get run(): Effect.Effect<void> {
    const client = this.#client
    const { chance } = client
    return Effect.gen({ self: this }, function* () {
      yield* this.#begin
      while (this.#left > 0 || this.#open.length > 0) {
        while (
          this.#left > 0 &&
          this.#open.length < MAX_IN_FLIGHT &&
          this.#free.length > 0 &&
          (this.#open.length === 0 || chance.permille(600))
        ) {
          this.#open.push(this.#make())
          this.#left--
        }
        const done = yield* Effect.result(this.#round)
        if (Result.isFailure(done)) client.log("lost its connection")
        if (Result.isFailure(done) || done.success === "again") {
          yield* Effect.sleep(chance.between(10, 200))
          if (chance.permille(40)) yield* this.#giveUp
        } else if (done.success === "anew") yield* this.#begin
        else if (this.#open.length === 0 && chance.permille(60)) yield* this.#probe
        else if (this.#open.length === 0 && chance.permille(30)) yield* this.#begin
        else yield* Effect.sleep(chance.between(0, 120))
      }
      client.log("is done")
      client.disconnect()
    })
  }

  /** With a new producer id. What is not stored for sure goes on with it; what may be is left to its fate. */
  get #begin(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.#producerId = yield* initProducerId(this.#client, this.#history)
      this.#era = this.#history.era
      for (const state of this.#partitions) Object.assign(state, { sequence: 0, acknowledged: 0 })
      const open = this.#open
      this.#open = []
      for (const batch of open) {
        if (batch.isDoubtful) batch.values.forEach((value) => this.#history.log.abandons(value))
        else this.#open.push({ ...batch, sequence: this.#place(batch) })
      }
    })
  }

  /** The sequence at which it goes on in the partition. */
  #place({ partition, values }: Pick<Batch, "partition" | "values">): number {
    const state = this.#partitions[partition]!
    const { sequence } = state
    state.sequence += values.length
    return sequence
  }

  /** No client is more than five batches ahead of one whose outcome it does not know: a broker knows no more of them again. */
  get #free() {
    return this.#partitions.filter(({ made, partition }) => {
      const first = this.#open.find((batch) => batch.partition === partition)
      return first === undefined || made - first.number < MAX_IN_FLIGHT
    })
  }

  #make(): Batch {
    const { chance } = this.#client
    const state = chance.pick(this.#free)
    const { partition } = state
    const values = Array.from({ length: chance.between(1, 3) }, () => {
      const order = this.#order++
      const value = `${this.#name}-${order}`
      this.#history.log.sends("idempotent", this.#name, partition, order, value)
      return value
    })
    const sequence = this.#place({ partition, values })
    return { partition, values, sequence, number: state.made++, isDoubtful: false, lastError: 0 }
  }

  /** Tells its user that the first one is not stored, as it was told itself: then no reader ever sees it (E2). */
  get #giveUp(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const batch = this.#open[0]
      if (batch === undefined || batch.isDoubtful || !DENIALS.has(batch.lastError)) return Effect.void
      this.#client.log(`gives up ${batch.values[0]}`)
      for (const value of batch.values) this.#history.log.denied(value)
      this.#open.shift()
      return this.#begin
    })
  }

  /** Sends all that is open, in order, and takes off what is acknowledged. `anew`: what came before is lost. */
  get #round(): Effect.Effect<"done" | "again" | "anew", Lost> {
    const client = this.#client
    const { chance } = client
    return Effect.gen({ self: this }, function* () {
      // Now and then each is sent twice, one behind the other: the second has to come to the same.
      const sent = this.#open.flatMap((batch) => (chance.permille(30) ? [batch, batch] : [batch]))
      const items = this.#itemsOf(inRequests(sent, () => chance.permille(400)))
      const unanswered = new Map<Batch, number>()
      for (const batch of sent) unanswered.set(batch, (unanswered.get(batch) ?? 0) + 1)
      const doubt = Effect.sync(() => {
        for (const [batch, times] of unanswered) if (times > 0) batch.isDoubtful = true
      })
      return yield* Effect.onError(
        Effect.gen({ self: this }, function* () {
          yield* this.#sendAll(items)
          const failed = new Set<number>()
          let isLost = false
          for (const item of items) {
            if (item.batches === undefined) {
              yield* client.receive(item.request.api, item.request.version, 3000)
              continue
            }
            const answer = yield* client.receive(Produce, PRODUCE_VERSION, 3000, item.timeoutMs)
            for (const batch of item.batches) unanswered.set(batch, unanswered.get(batch)! - 1)
            if (this.#answered(item.batches, answer, failed)) isLost = true
          }
          return isLost ? "anew" : failed.size === 0 ? "done" : "again"
        }),
        () => doubt
      )
    })
  }

  #itemsOf(requests: ReadonlyArray<ReadonlyArray<Batch>>): ReadonlyArray<Item> {
    const { chance, nowMs } = this.#client
    const items: Array<Item> = []
    for (const batches of requests) {
      if (items.length > 0 && chance.permille(200)) items.push({ request: bystander(chance), batches: undefined })
      const timeoutMs = chance.pick([1000, 4000, 30_000])
      const partitions = batches.map((batch) => ({
        index: batch.partition,
        records: encode(batch, nowMs, this.#producerId, EPOCH, this.#hasKeys)
      }))
      const body = produceRequest(partitions, undefined, timeoutMs)
      items.push({ request: request(Produce, PRODUCE_VERSION, body), batches, timeoutMs })
    }
    return items
  }

  /** In one segment, or one after the other. */
  #sendAll(items: ReadonlyArray<Item>): Effect.Effect<void, Lost> {
    const { chance } = this.#client
    const requests = items.map((item) => item.request)
    if (chance.permille(400)) return this.#client.sendAll(requests)
    return Effect.forEach(
      requests,
      (request) =>
        Effect.andThen(
          this.#client.sendAll([request]),
          chance.permille(300) ? Effect.sleep(chance.between(0, 10)) : Effect.void
        ),
      { discard: true }
    )
  }

  /** Whether a batch is refused as one before it is missing, though all were acknowledged: a failover has lost it. */
  #answered(sent: ReadonlyArray<Batch>, answer: ProduceResponse, failed: Set<number>): boolean {
    let isLost = false
    for (const { baseOffset, errorCode, index } of answer.responses[0]!.partitionResponses) {
      const batch = sent.find(({ partition }) => partition === index)!
      batch.lastError = errorCode
      if (errorCode === 0) this.#stored(batch, Number(baseOffset))
      else {
        this.#client.log(`${batch.values[0]} error ${errorCode}`)
        if (errorCode === REQUEST_TIMED_OUT) batch.isDoubtful = true
        const isFirst = !failed.has(index)
        failed.add(index)
        if (errorCode === OUT_OF_ORDER && isFirst && this.#history.era !== this.#era) isLost = true
        else if (!RETRIABLE.has(errorCode) && (isFirst || errorCode !== OUT_OF_ORDER)) {
          this.#history.violate(
            "I1",
            `${this.#name}: ${batch.values[0]} of partition ${batch.partition} is refused with ${errorCode}`
          )
        }
      }
    }
    return isLost
  }

  #stored(batch: Batch, baseOffset: number): void {
    this.#client.log(`${batch.values[0]} at ${batch.partition}@${baseOffset}`)
    batch.values.forEach((value, i) => this.#history.log.acknowledged(value, baseOffset + i))
    this.#partitions[batch.partition]!.acknowledged++
    if (this.#open.includes(batch)) this.#open.splice(this.#open.indexOf(batch), 1)
  }

  /** What has to be refused: a gap in the sequence, an old epoch. */
  get #probe(): Effect.Effect<void> {
    const client = this.#client
    const { chance } = client
    return Effect.gen({ self: this }, function* () {
      const state = chance.pick(this.#partitions)
      if (state.acknowledged === 0 || this.#history.era !== this.#era) return
      const old = chance.permille(500)
      const values = [`${this.#name}-forbidden-${this.#order++}`]
      this.#history.log.sends("forbidden", this.#name, state.partition, -1, values[0]!)
      const batch = { partition: state.partition, values, sequence: old ? state.sequence : state.sequence + 7 }
      const records = encode(batch, client.nowMs, this.#producerId, old ? EPOCH - 1 : EPOCH, this.#hasKeys)
      const body = produceRequest([{ index: batch.partition, records }])
      const told = yield* Effect.result(client.call(Produce, PRODUCE_VERSION, body, 3000, body.timeoutMs))
      // No broker remembers what a failover lost.
      if (this.#history.era !== this.#era) return this.#history.log.abandons(values[0]!)
      if (Result.isFailure(told)) return this.#history.log.open(values[0]!)
      const { baseOffset, errorCode } = told.success.responses[0]!.partitionResponses[0]!
      client.log(`probe ${values[0]}: ${errorCode}`)
      if (errorCode === REQUEST_TIMED_OUT) this.#history.log.open(values[0]!)
      if (errorCode === 0) this.#history.log.acknowledged(values[0]!, Number(baseOffset))
      else if (errorCode !== (old ? INVALID_EPOCH : OUT_OF_ORDER) && !RETRIABLE.has(errorCode)) {
        this.#history.violate("I2", `${this.#name}: ${values[0]} is refused with ${errorCode}`)
      }
    })
  }
}

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
