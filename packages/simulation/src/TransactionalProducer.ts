import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import { TxnOffsetCommit } from "@tusk/protocol/messages/TxnOffsetCommit"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld, type Lost } from "./Client.ts"
import type { History } from "./History.ts"
import { keyOf } from "./keyOf.ts"
import { RETRIABLE } from "./Producer.ts"
import { produceRequest } from "./Requests.ts"
import type { TransactionHistory } from "./TransactionHistory.ts"

export const TRANSACTIONS_TOPIC = "x"
export const TRANSACTIONS_PARTITIONS = 3
/** The group for which a transactional id commits offsets. */
export const groupOf = (transactionalId: string): string => `of-${transactionalId}`

const CONCURRENT_TRANSACTIONS = 51
/** Another instance is there, or the transaction's time is over. */
const FENCED = new Set([47, 48, 49, 90, 120])
const TIMEOUTS = [2000, 60_000]
/** Versions in which batches add their partitions and an end raises the epoch (KIP-890); and those before. */
const RAISING = { produce: 12, end: 5, offsets: 5 }
const NAMING = { produce: 9, end: 3, offsets: 3 }

const utf8 = new TextEncoder()

type Step = "done" | "failed"

/** One instance of a transactional producer. Another one of its id fences it: then it begins anew, which fences that one. */
export class TransactionalProducer {
  readonly #client: Client
  readonly #history: History
  readonly #transactions: TransactionHistory
  readonly #transactionalId: string
  readonly #name: string
  readonly #raises: boolean
  readonly #hasKeys: boolean
  #left: number
  #count = 0
  #producerId = -1n
  #producerEpoch = -1
  #sequences = new Map<number, number>()

  constructor(shared: ClientWorld, history: History, transactionalId: string, name: string, transactions: number) {
    this.#client = new Client(shared, name)
    this.#history = history
    this.#transactions = history.transactions
    this.#transactionalId = transactionalId
    this.#name = name
    this.#raises = this.#client.chance.permille(600)
    this.#left = transactions
    this.#hasKeys = shared.hasKeys
  }

  get run(): Effect.Effect<void> {
    const { chance } = this.#client
    return Effect.gen({ self: this }, function* () {
      while (this.#left-- > 0) {
        if (this.#producerId < 0n) yield* this.#start
        yield* this.#transaction
        yield* Effect.sleep(chance.between(0, 300))
      }
      // What it left open is aborted.
      yield* this.#start
      this.#client.log("is done")
      this.#client.disconnect()
    })
  }

  /** Until it is given an id. */
  get #start(): Effect.Effect<void> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const body = {
          ...InitProducerId.request.defaults(),
          transactionalId: this.#transactionalId,
          transactionTimeoutMs: client.chance.pick(TIMEOUTS)
        }
        const answer = yield* Effect.result(client.call(InitProducerId, 4, body))
        if (Result.isSuccess(answer)) {
          const { errorCode, producerEpoch, producerId } = answer.success
          client.log(`starts as ${producerId}/${producerEpoch}: ${errorCode}`)
          if (errorCode === 0) {
            this.#given(producerId, producerEpoch)
            const start = { instance: this.#name, producerId, producerEpoch, nowMs: client.nowMs }
            return this.#transactions.starts(this.#transactionalId, start)
          }
          if (!RETRIABLE.has(errorCode) && errorCode !== CONCURRENT_TRANSACTIONS) {
            this.#history.violate("T4", `${this.#name} is refused an id with ${errorCode}`)
          }
        }
        yield* Effect.sleep(client.chance.between(10, 200))
      }
    })
  }

  #given(producerId: bigint, producerEpoch: number): void {
    this.#producerId = producerId
    this.#producerEpoch = producerEpoch
    this.#sequences = new Map()
  }

  /** A producer that was not told that all went well does not commit. */
  get #transaction(): Effect.Effect<void> {
    const { chance } = this.#client
    return Effect.gen({ self: this }, function* () {
      const name = `${this.#name}-${this.#count++}`
      this.#transactions.begins(this.#transactionalId, name)
      let step: Step = "done"
      for (let i = chance.between(1, 3); i > 0 && step === "done"; i--) {
        step = yield* failing(this.#produce(name))
        if (chance.permille(200)) yield* Effect.sleep(chance.between(0, 400))
      }
      if (step === "done" && chance.permille(300)) step = yield* failing(this.#commitOffsets(name))
      // Now and then its time runs out, or it goes away.
      if (chance.permille(50)) yield* Effect.sleep(3000)
      const goesOn = step === "done" && !chance.permille(30)
      const commits = goesOn && chance.permille(750)
      const sentMs = this.#client.nowMs
      const fate = goesOn ? yield* this.#end(commits) : "aborted"
      this.#transactions.ends(name, fate, sentMs)
      this.#client.log(`${name} is ${fate}`)
      if (!goesOn || fate === "unknown" || (commits && fate === "aborted")) this.#producerId = -1n
    })
  }

  get #versions() {
    return this.#raises ? RAISING : NAMING
  }
  get #producer() {
    return { transactionalId: this.#transactionalId, producerId: this.#producerId, producerEpoch: this.#producerEpoch }
  }

  #produce(name: string): Effect.Effect<Step, Lost> {
    const client = this.#client
    const { chance } = client
    return Effect.gen({ self: this }, function* () {
      const partition = chance.below(TRANSACTIONS_PARTITIONS)
      const value = `${name}.${this.#count}-${partition}-${chance.below(1_000_000)}`
      this.#transactions.sends(name, value)
      if (!this.#raises && (yield* this.#addPartition(name, partition)) === "failed") return "failed" as const
      const sequence = this.#sequences.get(partition) ?? 0
      const key = this.#hasKeys ? utf8.encode(keyOf(value)) : null
      const records = RecordBatch.encodeBatch([{ timestamp: BigInt(client.nowMs), key, value: utf8.encode(value) }], {
        producerId: this.#producerId,
        producerEpoch: this.#producerEpoch,
        baseSequence: sequence,
        isTransactional: true
      })
      const body = {
        ...produceRequest([{ index: partition, records }], TRANSACTIONS_TOPIC),
        transactionalId: this.#transactionalId
      }
      const sentMs = client.nowMs
      const answer = yield* client.call(Produce, this.#versions.produce, body, 3000, body.timeoutMs)
      const { baseOffset, errorCode } = answer.responses[0]!.partitionResponses[0]!
      client.log(`${value} at ${partition}@${baseOffset} error ${errorCode}`)
      if (errorCode !== 0) return this.#refused(errorCode)
      this.#transactions.taken(name, this.#name, sentMs, value)
      this.#sequences.set(partition, sequence + 1)
      return "done"
    })
  }

  #addPartition(name: string, partition: number): Effect.Effect<Step, Lost> {
    const client = this.#client
    const topics = [{ name: TRANSACTIONS_TOPIC, partitions: [partition] }]
    return Effect.gen({ self: this }, function* () {
      const sentMs = client.nowMs
      const answer = yield* client.call(AddPartitionsToTxn, 3, {
        ...AddPartitionsToTxn.request.defaults(),
        v3AndBelowTransactionalId: this.#transactionalId,
        v3AndBelowProducerId: this.#producerId,
        v3AndBelowProducerEpoch: this.#producerEpoch,
        v3AndBelowTopics: topics
      })
      const code = answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode
      if (code !== 0) return this.#refused(code)
      this.#transactions.taken(name, this.#name, sentMs, `partition ${partition}`)
      return "done"
    })
  }

  #commitOffsets(name: string): Effect.Effect<Step, Lost> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      // Before version 5 a group is named first; that is tried by real clients.
      if (!this.#raises) return "done" as const
      this.#transactions.sendsOffsets(name)
      const answer = yield* client.call(TxnOffsetCommit, this.#versions.offsets, {
        ...TxnOffsetCommit.request.defaults(),
        ...this.#producer,
        groupId: groupOf(this.#transactionalId),
        topics: [
          {
            name: TRANSACTIONS_TOPIC,
            partitions: [
              {
                partitionIndex: 0,
                committedOffset: BigInt(this.#count),
                committedLeaderEpoch: -1,
                committedMetadata: name
              }
            ]
          }
        ]
      })
      const { errorCode } = answer.topics[0]!.partitions[0]!
      return errorCode === 0 ? "done" : this.#refused(errorCode)
    })
  }

  #refused(errorCode: number): Step {
    this.#client.log(`is refused with ${errorCode}`)
    if (
      !RETRIABLE.has(errorCode) &&
      !FENCED.has(errorCode) &&
      errorCode !== CONCURRENT_TRANSACTIONS &&
      errorCode !== 45
    ) {
      this.#history.violate("T4", `${this.#name} is refused with ${errorCode}`)
    }
    return "failed"
  }

  /** Asks until it is told, or gives up. */
  #end(committed: boolean): Effect.Effect<"committed" | "aborted" | "unknown"> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      let isDoubtful = false
      for (let attempt = 0; attempt < 6; attempt++) {
        const body = { ...EndTxn.request.defaults(), ...this.#producer, committed }
        const answer = yield* Effect.result(client.call(EndTxn, this.#versions.end, body))
        if (Result.isFailure(answer)) isDoubtful ||= answer.failure.sent
        else {
          const { errorCode, producerEpoch, producerId } = answer.success
          client.log(`ends (${committed}): ${errorCode}`)
          if (errorCode === 0) {
            if (this.#raises) this.#given(producerId, producerEpoch)
            return committed ? ("committed" as const) : ("aborted" as const)
          }
          // It may be stored all the same.
          if (RETRIABLE.has(errorCode)) isDoubtful = true
          if (FENCED.has(errorCode)) break
        }
        yield* Effect.sleep(client.chance.between(10, 300))
      }
      this.#producerId = -1n
      if (!committed) return "aborted"
      return isDoubtful ? "unknown" : "aborted"
    })
  }
}

const failing = (step: Effect.Effect<Step, Lost>): Effect.Effect<Step> =>
  Effect.catch(step, () => Effect.succeed("failed" as const))
