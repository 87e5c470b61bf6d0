/** Batches that are the same for every topic, by partition and number; and an idempotent producer of them. */
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { sleep } from "../../bench/groups/Report.ts"
import { Closed, Wire } from "../../bench/groups/Wire.ts"
import { initProducerId, within } from "../failover/Asking.ts"
import { randomOf } from "./FaultyS3.ts"

const FIRST_TIME = 1_700_000_000_000n
const CODECS = [0, 0, 0, 4, 3, 1, 2]
/** Requests that a producer has under way, as Java's. */
const IN_FLIGHT = 5
const TIMEOUT_MS = 20_000
const FAR = 50
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const DUPLICATE_SEQUENCE_NUMBER = 46
const RETRIABLE = new Set([2, 3, 5, 6, 7, 13, 14, 15, 16, 19, 20, 51, 56, 89])

interface Producing {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
}

/** How many records batch `n` of a partition has. */
export const countOf = (partition: number, n: number): number => 1 + Math.floor(randomOf(partition * 1e6 + n)() * 20)

/** Batch `n` of a partition: small ones, and now and then one of up to 200 KiB. */
export const batchOf = (partition: number, n: number, own: Partial<Producing> = {}): Uint8Array => {
  const random = randomOf(partition * 1e6 + n)
  const count = 1 + Math.floor(random() * 20)
  const bytes = random() < 0.1 ? 10_000 : 700
  const records = Array.from({ length: count }, (_, i) => {
    const value = Buffer.alloc(1 + Math.floor(random() * bytes))
    for (let at = 0; at < value.length; at++) value[at] = random() * 256
    return { timestamp: FIRST_TIME + BigInt(n * 100 + i), key: Buffer.from(`${partition}-${n}-${i}`), value }
  })
  return RecordBatch.encodeBatch(records, { compression: CODECS[n % CODECS.length]!, ...own })
}

/** A producer of one partition on the wire, that sends again in order what failed, as it was, until it is there. */
export class Writer {
  readonly errors: Array<string> = []
  readonly #bootstrap: string
  readonly #topic: string
  readonly #partition: number
  #acknowledged = 0
  #most = Number.MAX_SAFE_INTEGER
  /** The highest number that was sent, and one. */
  #sent = 0
  #sequences: Array<number> = [0]
  readonly #behind: Writer | undefined
  readonly #ended: Promise<void>

  /** It is never far before `behind`, which may be slower. */
  constructor(bootstrap: string, topic: string, partition: number, behind?: Writer) {
    this.#behind = behind
    this.#bootstrap = bootstrap
    this.#topic = topic
    this.#partition = partition
    this.#ended = this.#live().catch(
      (error: unknown) => void this.errors.push(`${topic}-${partition}: ${String(error)}`)
    )
  }

  get sent(): number {
    return this.#sent
  }

  /** Batches that are acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Sends batches below that number, and no others; returns when all are acknowledged. */
  async until(most: number): Promise<void> {
    this.#most = most
    await this.#ended
  }

  async #live(): Promise<void> {
    const id = await initProducerId(this.#bootstrap)
    let wire: Wire | undefined
    while (this.#acknowledged < this.#most && this.errors.length === 0) {
      try {
        if (wire === undefined || wire.isClosed) wire = await Wire.connect(this.#bootstrap, "objects")
        await this.#window(wire, id)
      } catch (error) {
        if (!(error instanceof Closed)) throw error
        await sleep(30)
      }
    }
    wire?.close()
  }

  #sequenceOf(n: number): number {
    for (let last = this.#sequences.length - 1; last < n; last++) {
      this.#sequences.push(this.#sequences[last]! + countOf(this.#partition, last))
    }
    return this.#sequences[n]!
  }

  async #window(wire: Wire, id: { readonly producerId: bigint; readonly producerEpoch: number }): Promise<void> {
    const from = this.#acknowledged
    const to = Math.min(from + IN_FLIGHT, this.#most, (this.#behind?.acknowledged ?? from) + FAR)
    if (to <= from) return sleep(10)
    this.#sent = Math.max(this.#sent, to)
    const asked = Array.from({ length: to - from }, (_, i) => this.#ask(wire, from + i, id))
    const codes = await Promise.all(asked.map((each) => each.catch(() => -1)))
    for (const [i, code] of codes.entries()) {
      if (code === 0 || code === DUPLICATE_SEQUENCE_NUMBER) {
        this.#acknowledged++
        continue
      }
      // Behind one that failed a batch is out of order, and sent again.
      if (code !== -1 && !RETRIABLE.has(code)) {
        const name = code === OUT_OF_ORDER_SEQUENCE_NUMBER ? "out of order" : `code ${code}`
        this.errors.push(`${this.#topic}-${this.#partition}: batch ${from + i} is answered ${name}`)
      }
      await sleep(20)
      return
    }
  }

  /** The code of the answer. */
  async #ask(
    wire: Wire,
    n: number,
    id: { readonly producerId: bigint; readonly producerEpoch: number }
  ): Promise<number> {
    const records = batchOf(this.#partition, n, { ...id, baseSequence: this.#sequenceOf(n) })
    const topicData = [{ name: this.#topic, partitionData: [{ index: this.#partition, records }] }]
    const answer = await within(
      wire,
      TIMEOUT_MS + 5000,
      wire.call(Produce, 9, { acks: -1, timeoutMs: TIMEOUT_MS, topicData })
    )
    return answer.responses[0]!.partitionResponses[0]!.errorCode
  }
}
