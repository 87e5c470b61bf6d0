/** Whole logs, read over the wire and held against each other. */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { setTimeout as sleep } from "node:timers/promises"
import { batchesOf } from "../../bench/Fetched.ts"
import { Wire } from "../../bench/groups/Wire.ts"

const READ_BYTES = 4 << 20

/** A broker of either kind, that is asked again for as long as it is away. */
export class Side {
  readonly bootstrap: string
  #wire: Wire | undefined

  constructor(bootstrap: string) {
    this.bootstrap = bootstrap
  }

  /** Asks once more what failed, for a minute. */
  async insist<A>(ask: (wire: Wire) => Promise<A>): Promise<A> {
    for (const until = Date.now() + 60_000; ; await sleep(100)) {
      try {
        this.#wire ??= await Wire.connect(this.bootstrap)
        return await ask(this.#wire)
      } catch (error) {
        this.#wire?.close()
        this.#wire = undefined
        if (Date.now() > until) throw error
      }
    }
  }

  async createTopic(
    name: string,
    numPartitions: number,
    configs: Readonly<Record<string, string>> = {}
  ): Promise<void> {
    await this.insist(async (wire) => {
      const topic = {
        name,
        numPartitions,
        replicationFactor: 1,
        configs: Object.entries(configs).map(([config, value]) => ({ name: config, value }))
      }
      const { topics } = await wire.call(CreateTopics, 5, { topics: [topic], timeoutMs: 10_000 })
      const { errorCode, errorMessage } = topics[0]!
      if (errorCode !== 0 && errorCode !== 36) throw new Error(`${name}: ${errorCode} ${errorMessage}`)
    })
  }

  produce(topic: string, index: number, records: Uint8Array): Promise<bigint> {
    return this.insist(async (wire) => {
      const topicData = [{ name: topic, partitionData: [{ index, records }] }]
      const answer = await wire.call(Produce, 9, { acks: -1, timeoutMs: 10_000, topicData })
      const { baseOffset, errorCode } = answer.responses[0]!.partitionResponses[0]!
      if (errorCode !== 0) throw new Error(`produce: ${errorCode}`)
      return baseOffset
    })
  }

  /** -1: there is none. */
  offset(topic: string, partitionIndex: number, timestamp = -1n): Promise<bigint> {
    return this.insist(async (wire) => {
      const topics = [{ name: topic, partitions: [{ partitionIndex, timestamp }] }]
      const answer = await wire.call(ListOffsets, 5, { replicaId: -1, isolationLevel: 1, topics })
      const { errorCode, offset } = answer.topics[0]!.partitions[0]!
      if (errorCode !== 0 && errorCode !== 3) throw new Error(`offsets: ${errorCode}`)
      return errorCode === 3 ? -1n : offset
    })
  }

  /** Batches from the start of the log to its end, as they lie there. */
  async *batches(topic: string, partition: number): AsyncGenerator<Uint8Array> {
    const end = await this.offset(topic, partition)
    for (let at = await this.offset(topic, partition, -2n); at < end;) {
      const fetchOffset = at
      const found = await this.insist(async (wire) => {
        const topics = [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: READ_BYTES }] }]
        const asked = {
          replicaId: -1,
          maxWaitMs: 0,
          minBytes: 0,
          maxBytes: READ_BYTES,
          sessionId: 0,
          sessionEpoch: -1,
          topics
        }
        const answer = await wire.call(Fetch, 11, asked)
        return batchesOf(answer.responses[0]?.partitions[0]?.records as never)
      })
      if (found.length === 0) await sleep(50)
      for (const batch of found) {
        if (RecordBatch.lastOffset(batch) < at) continue
        at = RecordBatch.lastOffset(batch) + 1n
        yield batch
      }
    }
  }

  close(): void {
    this.#wire?.close()
  }
}

export interface Compared {
  readonly records: number
  readonly batches: number
  /** The first difference; undefined: there is none. */
  readonly differs: string | undefined
}

/** Whether batches lie at the same offsets, and hold the same bytes of records. */
export const compared = async (a: Side, b: Side, topic: string, partitions: number): Promise<Compared> => {
  let [records, batches] = [0, 0]
  for (let partition = 0; partition < partitions; partition++) {
    const others = b.batches(topic, partition)
    const differs = (what: string) => ({ records, batches, differs: `${topic}-${partition}: ${what}` })
    for await (const batch of a.batches(topic, partition)) {
      const { value: other } = await others.next()
      if (other === undefined) return differs(`nothing at ${RecordBatch.baseOffset(batch)}`)
      const [at, there] = [RecordBatch.baseOffset(batch), RecordBatch.baseOffset(other)]
      if (at !== there) return differs(`a batch at ${there}, not ${at}`)
      const same = Buffer.from(batch.subarray(61)).equals(other.subarray(61))
      if (!same || RecordBatch.recordCount(batch) !== RecordBatch.recordCount(other))
        return differs(`other bytes at ${at}`)
      records += RecordBatch.recordCount(batch)
      batches++
    }
    if ((await others.next()).done !== true) return differs("more records than there are")
  }
  return { records, batches, differs: undefined }
}
