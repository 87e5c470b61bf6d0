import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchesOf } from "./Fetched.ts"
import { holdsWithin } from "./groups/Report.ts"
import { Wire } from "./groups/Wire.ts"

/** How long a record took, in ms: until the broker has said that it is stored, and until a consumer that waits has it. */
export interface Took {
  readonly acked: number
  readonly delivered: number
}

/** A producer that has one record in flight, and a consumer at the head of its topic. */
export interface OneInFlight {
  readonly produceOne: () => Promise<Took>
  readonly close: () => Promise<void>
}

const makeTopic = async (wire: Wire, name: string, configs: Readonly<Record<string, string>>): Promise<void> => {
  await wire.call(CreateTopics, 5, {
    topics: [
      {
        name,
        numPartitions: 1,
        replicationFactor: 1,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
      }
    ],
    timeoutMs: 10_000
  })
  const leads = async () => {
    const { topics } = await wire.call(Metadata, 12, { topics: [{ name }] })
    return topics[0]?.errorCode === 0 && topics[0].partitions[0]?.errorCode === 0
  }
  if (!(await holdsWithin(30_000, leads))) throw new Error(`${name} has no leader`)
}

/** Makes the topic, of one partition with these configs. */
export const oneInFlight = async (
  bootstrap: string,
  topic: string,
  value: Uint8Array,
  configs: Readonly<Record<string, string>> = {}
): Promise<OneInFlight> => {
  const [producer, consumer] = [await Wire.connect(bootstrap), await Wire.connect(bootstrap)]
  await makeTopic(producer, topic, configs)
  /** Resolves when the record at this offset has arrived. */
  const arrivals = new Map<bigint, (at: number) => void>()
  let reading = true
  const read = async () => {
    let offset = 0n
    while (reading) {
      const answer = await consumer.call(Fetch, 12, {
        replicaId: -1,
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 1 << 20,
        sessionEpoch: -1,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] }]
      })
      const at = performance.now()
      const records = answer.responses[0]?.partitions[0]?.records
      for (const batch of batchesOf(records)) {
        for (let o = RecordBatch.baseOffset(batch); o <= RecordBatch.lastOffset(batch); o++) arrivals.get(o)?.(at)
        offset = RecordBatch.lastOffset(batch) + 1n
      }
    }
  }
  const consuming = read()
  const failed = new Promise<never>((_, reject) => consuming.catch(reject))
  let next = 0n
  const produceOne = async (): Promise<Took> => {
    const offset = next++
    const arrived = new Promise<number>((resolve) => arrivals.set(offset, resolve))
    const start = performance.now()
    const answer = await producer.call(Produce, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: RecordBatch.encodeBatch([{ value }]) }] }]
    })
    const acked = performance.now() - start
    const told = answer.responses[0]?.partitionResponses[0]
    if (told?.errorCode !== 0 || told.baseOffset !== offset) throw new Error(`produce: error ${told?.errorCode}`)
    const delivered = (await Promise.race([arrived, failed])) - start
    arrivals.delete(offset)
    return { acked, delivered }
  }
  return {
    produceOne,
    close: async () => {
      reading = false
      await produceOne()
      await consuming
      producer.close()
      consumer.close()
    }
  }
}
