/** A consumer of one partition, that holds each batch against what was written. */
import { Fetch } from "@tusk/protocol/messages/Fetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchesOf } from "../../bench/Fetched.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { Closed, Wire } from "../../bench/groups/Wire.ts"
import { within } from "../failover/Asking.ts"
import { batchOf } from "./Writer.ts"

const READ_BYTES = 2 << 20
const HEADER = RecordBatch.RECORD_BATCH_OVERHEAD

export interface Place {
  /** The number of the batch that comes next. */
  readonly batch: number
  readonly offset: bigint
}

/** Reads from the place on for as long as it is not over, and on errors again; each batch has to be the next one. */
export class Reader {
  readonly errors: Array<string> = []
  readonly #bootstrap: string
  readonly #topic: string
  readonly #partition: number
  #batch: number
  #offset: bigint
  #isOver = false
  readonly #ended: Promise<void>

  constructor(bootstrap: string, topic: string, partition: number, from: Place = { batch: 0, offset: 0n }) {
    this.#bootstrap = bootstrap
    this.#topic = topic
    this.#partition = partition
    this.#batch = from.batch
    this.#offset = from.offset
    this.#ended = this.#live().catch((error: unknown) => void this.#wrong(String(error)))
  }

  get place(): Place {
    return { batch: this.#batch, offset: this.#offset }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#ended
  }

  /** False: not within the time. */
  async reaches(batch: number, ms: number): Promise<boolean> {
    for (const until = Date.now() + ms; this.#batch < batch && this.errors.length === 0; await sleep(20)) {
      if (Date.now() > until) return false
    }
    return this.#batch >= batch
  }

  #wrong(what: string): void {
    this.errors.push(`${this.#topic}-${this.#partition} at batch ${this.#batch}, offset ${this.#offset}: ${what}`)
  }

  async #live(): Promise<void> {
    let wire: Wire | undefined
    while (!this.#isOver && this.errors.length === 0) {
      try {
        if (wire === undefined || wire.isClosed) wire = await Wire.connect(this.#bootstrap, "objects")
        if (!(await this.#step(wire))) await sleep(20)
      } catch (error) {
        if (!(error instanceof Closed)) throw error
        await sleep(30)
      }
    }
    wire?.close()
  }

  /** Whether there was anything. */
  async #step(wire: Wire): Promise<boolean> {
    const partitions = [{ partition: this.#partition, fetchOffset: this.#offset, partitionMaxBytes: READ_BYTES }]
    const topics = [{ topic: this.#topic, partitions }]
    const asked = {
      replicaId: -1,
      maxWaitMs: 200,
      minBytes: 1,
      maxBytes: READ_BYTES,
      sessionId: 0,
      sessionEpoch: -1,
      topics
    }
    const answer = await within(wire, 40_000, wire.call(Fetch, 11, asked))
    const found = answer.responses[0]?.partitions[0]
    if (found?.errorCode === 1) this.#wrong("the offset is out of range")
    if (found === undefined || found.errorCode !== 0) return false
    const batches = batchesOf(found.records as never)
    for (const batch of batches) this.#take(batch)
    return batches.length > 0
  }

  #take(batch: Uint8Array): void {
    if (RecordBatch.lastOffset(batch) < this.#offset || this.errors.length > 0) return
    if (RecordBatch.baseOffset(batch) !== this.#offset)
      return this.#wrong(`a batch at ${RecordBatch.baseOffset(batch)}`)
    const wanted = batchOf(this.#partition, this.#batch)
    const same = Buffer.compare(batch.subarray(HEADER), wanted.subarray(HEADER)) === 0
    if (!same || RecordBatch.lastOffset(batch) - this.#offset !== RecordBatch.lastOffset(wanted)) {
      return this.#wrong("it is another batch than was written")
    }
    if (RecordBatch.maxTimestamp(batch) !== RecordBatch.maxTimestamp(wanted)) return this.#wrong("it has other times")
    if (!RecordBatch.isCrcValid(batch)) return this.#wrong("its CRC is wrong")
    this.#batch++
    this.#offset = RecordBatch.lastOffset(batch) + 1n
  }
}
