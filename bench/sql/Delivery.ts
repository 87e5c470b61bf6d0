import { Fetch } from "@tusk/protocol/messages/Fetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { performance } from "node:perf_hooks"
import { batchesOf } from "../Fetched.ts"
import type { Wire } from "../groups/Wire.ts"

const STAMP = 16

/** A value of so many characters that begins with the time of now. */
export const stamped = (bytes: number): string => performance.now().toFixed(3).padEnd(STAMP).padEnd(bytes, "x")

/** Milliseconds from a commit to the record in a consumer that waits; values begin with when they were committed. */
export class Delivery {
  readonly latencies: Array<number> = []
  #reading = true
  readonly ended: Promise<void>

  constructor(wire: Wire, topic: string, offset: bigint) {
    this.ended = this.#read(wire, topic, offset)
  }

  stop(): void {
    this.#reading = false
  }

  async #read(wire: Wire, topic: string, from: bigint): Promise<void> {
    let offset = from
    while (this.#reading) {
      const answer = await wire.call(Fetch, 12, {
        ...{ replicaId: -1, maxWaitMs: 500, minBytes: 1, maxBytes: 8 << 20, sessionEpoch: -1 },
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 8 << 20 }] }]
      })
      const now = performance.now()
      for (const batch of batchesOf(answer.responses[0]?.partitions[0]?.records)) {
        const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 64 << 20 })
        if (!Array.isArray(records)) throw new Error("a batch that cannot be read")
        for (const { value } of records as ReadonlyArray<RecordBatch.DecodedRecord>) {
          this.latencies.push(now - Number(Buffer.from(value!).toString("latin1", 0, STAMP)))
        }
        offset = RecordBatch.lastOffset(batch) + 1n
      }
    }
  }
}
