import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { Wire } from "../../bench/groups/Wire.ts"
import { createTopic } from "../failover/Asking.ts"

const TOPIC = "load"
const LANES = 4
const RECORDS = 16

/** A producer that goes as fast as the broker lets it, on its own topic. */
export class EraseLoad {
  readonly #wires: ReadonlyArray<Wire>
  readonly #seconds: number

  private constructor(wires: ReadonlyArray<Wire>, seconds: number) {
    this.#wires = wires
    this.#seconds = seconds
  }

  static async start(bootstrap: string, seconds: number): Promise<EraseLoad> {
    await createTopic(bootstrap, TOPIC, LANES, { "retention.bytes": "1000000" })
    const wires = await Promise.all(Array.from({ length: LANES }, () => Wire.connect(bootstrap)))
    const load = new EraseLoad(wires, seconds)
    // Warm.
    await load.rate()
    return load
  }

  /** Batches a second, over a stretch of time. */
  async rate(): Promise<number> {
    const began = performance.now()
    const until = began + this.#seconds * 1000
    const counts = await Promise.all(this.#wires.map((wire, lane) => this.#produce(wire, lane, until)))
    return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - began) / 1000)
  }

  close(): void {
    for (const wire of this.#wires) wire.close()
  }

  async #produce(wire: Wire, lane: number, untilMs: number): Promise<number> {
    const value = Buffer.alloc(512, "x")
    const records = Array.from({ length: RECORDS }, (_, i) => ({ key: Buffer.from(`${i}`), value }))
    const batch = RecordBatch.encodeBatch(records)
    let count = 0
    const one = async () => {
      while (performance.now() < untilMs) {
        const answer = await wire.call(Produce, 9, {
          ...{ transactionalId: null, acks: -1, timeoutMs: 30_000 },
          topicData: [{ name: TOPIC, partitionData: [{ index: lane, records: batch }] }]
        })
        const code = answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
        if (code !== 0) throw new Error(`Produce was answered ${code}`)
        count++
      }
    }
    await Promise.all(Array.from({ length: 4 }, one))
    return count
  }
}
