import { Produce } from "@tusk/protocol/messages/Produce"
import { GZIP } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { performance } from "node:perf_hooks"
import { sleep } from "../../bench/groups/Report.ts"
import { Wire } from "../../bench/groups/Wire.ts"

/** Records of a batch. */
export const PER_BATCH = 50
const KEYS = 2000

export interface WriterOptions {
  readonly bootstrap: string
  readonly topic: string
  readonly partition: number
  /** Keys begin so. */
  readonly name: string
  /** From one batch to the next, milliseconds; what is late is sent at once. */
  readonly everyMs: number
}

/** Writes to keys of its own, in one partition: each batch again until it is acknowledged, so that keys keep their order. */
export class Writer {
  readonly #options: WriterOptions
  #wire: Wire | undefined
  #isOver = false
  #next = 0
  /** Records that were acknowledged. */
  acknowledged = 0
  /** Longest wait for an acknowledgement, milliseconds. */
  slowestMs = 0
  readonly ended: Promise<void>

  constructor(options: WriterOptions) {
    this.#options = options
    this.ended = this.#run()
  }

  stop(): void {
    this.#isOver = true
  }

  async #run(): Promise<void> {
    const { everyMs } = this.#options
    for (let due = performance.now(); !this.#isOver; due += everyMs) {
      const early = due - performance.now()
      if (early > 1) await sleep(early)
      const batch = this.#batch()
      const began = performance.now()
      while (!(await this.#send(batch))) await sleep(50)
      this.slowestMs = Math.max(this.slowestMs, performance.now() - began)
      this.acknowledged += PER_BATCH
    }
    this.#wire?.close()
  }

  #batch(): Uint8Array {
    const { name } = this.#options
    const records = Array.from({ length: PER_BATCH }, () => {
      const n = this.#next++
      const value = n % 11 === 0 ? null : Buffer.from(JSON.stringify({ n, writer: name, text: "x".repeat(80) }))
      return { key: Buffer.from(`${name}-${(n * 7919) % KEYS}`), value, timestamp: BigInt(Date.now()) }
    })
    return RecordBatch.encodeBatch(records, this.#next % 3 === 0 ? { compression: GZIP } : {})
  }

  async #send(records: Uint8Array): Promise<boolean> {
    const { bootstrap, name, partition, topic } = this.#options
    try {
      this.#wire ??= await Wire.connect(bootstrap, name)
      const answer = await this.#wire.call(Produce, 9, {
        acks: -1,
        timeoutMs: 30_000,
        topicData: [{ name: topic, partitionData: [{ index: partition, records }] }]
      })
      return answer.responses[0]!.partitionResponses[0]!.errorCode === 0
    } catch {
      this.#wire?.close()
      this.#wire = undefined
      return false
    }
  }
}
