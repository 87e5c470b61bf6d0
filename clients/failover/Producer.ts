import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { sleep } from "../../bench/groups/Report.ts"
import { Closed, Wire } from "../../bench/groups/Wire.ts"
import { initProducerId, Late, within } from "./Asking.ts"
import type { History } from "./History.ts"
import { valueOf } from "./History.ts"

export interface ProducerOptions {
  readonly bootstrap: string
  readonly history: History
  readonly client: string
  readonly topic: string
  readonly partition: number
  readonly idempotent: boolean
  /** Milliseconds between batches. */
  readonly everyMs: number
  /** `timeout.ms` of its requests; it gives an answer 2 s more. */
  readonly timeoutMs: number
}

interface Batch {
  readonly first: number
  readonly values: ReadonlyArray<string>
  sequence: number
  /** An answer was lost or said nothing: it may be stored. */
  maybeStored: boolean
}

/** `at`: when it was answered, which others of its window may be long after. */
type Outcome = { readonly code: number; readonly offset: number; readonly at: number } | "lost"

const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const DUPLICATE_SEQUENCE_NUMBER = 46
const INVALID_PRODUCER_EPOCH = 47
const REQUEST_TIMED_OUT = 7
const NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
/** UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, NETWORK_EXCEPTION, COORDINATOR_…, NOT_ENOUGH_REPLICAS, KAFKA_STORAGE_ERROR … */
const RETRIABLE = new Set([2, 3, 5, 6, 7, 13, 14, 15, 16, 19, 20, 51, 56, 74, 76, 89, 100])

const IN_FLIGHT = 5

/**
 * A producer on the wire, of one partition. Idempotent: five requests in flight, all that failed sent again in order with
 * its sequence; where a sequence is refused it takes a new producer id, and sends again under it what it was told is not
 * stored, as librdkafka does. Plain: one request in flight, and sent again only what it was told is not stored, so that
 * it, too, doubles nothing where no answer is a guess.
 */
export class Producer {
  readonly options: ProducerOptions
  #wire: Wire | undefined
  #id: { readonly producerId: bigint; readonly producerEpoch: number } | undefined
  #ids = 0
  #next = 0
  #sequence = 0
  /** Not acknowledged, in order. */
  #queue: Array<Batch> = []
  #stopping = false
  readonly #ended: Promise<void>

  constructor(options: ProducerOptions) {
    this.options = options
    options.history.begins(options.client)
    this.#ended = this.#live().catch((error: unknown) => {
      options.history.errors.push(`${options.client}: ${String(error)}`)
    })
  }

  /** Sends nothing new, and returns when all it sent is acknowledged, or the time is over. */
  async stop(timeoutMs = 30_000): Promise<void> {
    this.#stopping = true
    const timer = setTimeout(() => {
      this.options.history.errors.push(`${this.options.client}: ${this.#queue.length} batches are not acknowledged`)
      this.#queue = []
      this.#wire?.close()
    }, timeoutMs)
    await this.#ended
    clearTimeout(timer)
    this.#wire?.close()
  }

  async #live(): Promise<void> {
    const { bootstrap, client, everyMs, idempotent } = this.options
    while (!this.#stopping || this.#queue.length > 0) {
      try {
        if (idempotent && this.#id === undefined) await this.#identify()
        if (this.#wire === undefined || this.#wire.isClosed) this.#wire = await Wire.connect(bootstrap, client)
        await this.#window(this.#wire)
      } catch (error) {
        if (!(error instanceof Closed)) throw error
        await sleep(50)
      }
      await sleep(everyMs)
    }
  }

  async #identify(): Promise<void> {
    const { bootstrap, client, history } = this.options
    this.#id = await initProducerId(bootstrap)
    history.given("producer id", this.#id.producerId, `${client} (${this.#ids++})`)
    this.#sequence = 0
    for (const batch of this.#queue) {
      batch.sequence = this.#sequence
      this.#sequence += batch.values.length
    }
  }

  #make(): Batch {
    const count = 1 + (this.#next % 3)
    const first = this.#next
    const values = Array.from({ length: count }, (_, i) => valueOf(this.options.client, first + i))
    this.#next += count
    const sequence = this.#sequence
    this.#sequence += count
    return { first, values, sequence, maybeStored: false }
  }

  /** As many requests as may be in flight, sent at once, with others between them; then all their answers. */
  async #window(wire: Wire): Promise<void> {
    const { idempotent, topic } = this.options
    const most = idempotent ? IN_FLIGHT : 1
    while (!this.#stopping && this.#queue.length < most) this.#queue.push(this.#make())
    const sent = this.#queue.slice(0, most)
    const asked: Array<Promise<Outcome>> = []
    const others: Array<Promise<unknown>> = []
    sent.forEach((batch, i) => {
      asked.push(this.#ask(wire, batch))
      // Not concurrent for the broker: what comes next on the connection waits for it (H1).
      if (i === 0 || i === 3) others.push(wire.call(Metadata, 12, { topics: [{ name: topic }] }).catch(() => {}))
    })
    const outcomes = await Promise.all(asked)
    await Promise.all(others)
    await this.#settle(sent, outcomes)
  }

  async #ask(wire: Wire, batch: Batch): Promise<Outcome> {
    const { partition, timeoutMs, topic } = this.options
    const timestamp = BigInt(Date.now())
    const records = batch.values.map((value) => ({ timestamp, key: null, value: Buffer.from(value) }))
    const own = this.#id === undefined ? {} : { ...this.#id, baseSequence: batch.sequence }
    try {
      const answer = await within(
        wire,
        timeoutMs + 2000,
        wire.call(Produce, 9, {
          acks: -1,
          timeoutMs,
          topicData: [
            { name: topic, partitionData: [{ index: partition, records: RecordBatch.encodeBatch(records, own) }] }
          ]
        })
      )
      const { baseOffset, errorCode } = answer.responses[0]!.partitionResponses[0]!
      return { code: errorCode, offset: Number(baseOffset), at: Date.now() }
    } catch (error) {
      if (error instanceof Late) this.options.history.refused(-2)
      else if (error instanceof Closed) this.options.history.refused(-1)
      else throw error
      return "lost"
    }
  }

  async #settle(sent: ReadonlyArray<Batch>, outcomes: ReadonlyArray<Outcome>): Promise<void> {
    const { client, history, idempotent, partition } = this.options
    const left = new Set(this.#queue)
    let failed = false
    let renew = false
    sent.forEach((batch, i) => {
      const outcome = outcomes[i]!
      const code = outcome === "lost" ? -1 : outcome.code
      if (code > 0) history.refused(code)
      if (outcome !== "lost" && (code === 0 || code === DUPLICATE_SEQUENCE_NUMBER)) {
        left.delete(batch)
        const offset = code === 0 ? outcome.offset : -1
        batch.values.forEach((value, k) =>
          history.acked(client, partition, offset < 0 ? -1 : offset + k, value, outcome.at)
        )
        return
      }
      if (code === -1 || code === REQUEST_TIMED_OUT || code === NOT_ENOUGH_REPLICAS_AFTER_APPEND) {
        batch.maybeStored = true
        if (!idempotent) left.delete(batch)
      } else if (code === OUT_OF_ORDER_SEQUENCE_NUMBER || code === INVALID_PRODUCER_EPOCH) {
        // Behind one that failed it is no wonder, and it is sent again as it was.
        if (!failed) {
          renew = true
          if (batch.maybeStored) left.delete(batch)
        }
      } else if (!RETRIABLE.has(code)) {
        left.delete(batch)
        history.errors.push(`${client}: code ${code}`)
      }
      failed = true
    })
    if (renew) {
      // Under another id the broker does not know them again.
      for (const batch of sent) if (batch.maybeStored) left.delete(batch)
      this.#id = undefined
    }
    this.#queue = this.#queue.filter((batch) => left.has(batch))
    if (failed) await sleep(100)
  }
}
