import { Produce } from "@tusk/protocol/messages/Produce"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import { createTopic, initProducerId, retrying } from "../failover/Asking.ts"
import type { Report } from "../failover/Report.ts"

const TOPIC = "quiet"

/** An idempotent producer that says something before a backup, nothing while it is made, and goes on afterwards. */
export class QuietProducer {
  readonly #bootstrap: string
  readonly #id: Awaited<ReturnType<typeof initProducerId>>

  private constructor(bootstrap: string, id: Awaited<ReturnType<typeof initProducerId>>) {
    this.#bootstrap = bootstrap
    this.#id = id
  }

  static async start(bootstrap: string): Promise<QuietProducer> {
    await createTopic(bootstrap, TOPIC, 1)
    const producer = new QuietProducer(bootstrap, await initProducerId(bootstrap))
    for (const sequence of [0, 1, 2]) await producer.#send(sequence)
    return producer
  }

  async #send(baseSequence: number): Promise<{ readonly code: number; readonly offset: number }> {
    const { producerEpoch, producerId } = this.#id
    const value = Buffer.from(`quiet:${baseSequence}`)
    const records = encodeBatch([{ timestamp: BigInt(Date.now()), value }], { producerId, producerEpoch, baseSequence })
    return retrying(this.#bootstrap, "a batch of the quiet producer", async (wire) => {
      const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records }] }]
      const answer = await wire.call(Produce, 9, { transactionalId: null, acks: -1, timeoutMs: 5000, topicData })
      const { baseOffset, errorCode } = answer.responses[0]!.partitionResponses[0]!
      return { code: errorCode, offset: Number(baseOffset) }
    })
  }

  /** Its last batch again is known to be there, and the next one follows; one that leaves a gap does not. */
  async goesOn(report: Report, name: string): Promise<void> {
    const again = await this.#send(2)
    const gap = await this.#send(4)
    const next = await this.#send(3)
    const figure = `again ${again.code} at ${again.offset}, gap ${gap.code}, next ${next.code} at ${next.offset}`
    const holds = again.code === 0 && again.offset === 2 && gap.code === 45 && next.code === 0 && next.offset > 2
    report.check(`${name}: a producer that was idle goes on`, holds, figure, "0 at 2, 45, 0 behind it")
  }
}
