/** A broker that forwards its log to another one, both in this process. */
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"
import type { Settings } from "../../src/config/Settings.ts"
import { FILLER } from "../../src/shadow/TargetBatch.ts"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import type { WireClient } from "../WireClient.ts"

const LIMITS = { maxDecompressedBytes: 1 << 24 }

/** One side, with a connection of its own. */
export class Side {
  readonly broker: BrokerUnderTest
  readonly client: WireClient

  constructor(broker: BrokerUnderTest, client: WireClient) {
    this.broker = broker
    this.client = client
  }

  async produce(topic: string, partition: number, records: Uint8Array): Promise<bigint> {
    const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }]
    const { responses } = await this.client.call(Produce, 8, { acks: -1, timeoutMs: 5000, topicData })
    const told = responses[0]!.partitionResponses[0]!
    if (told.errorCode !== 0) throw new Error(`produce: ${told.errorCode} ${told.errorMessage}`)
    return told.baseOffset
  }

  values(topic: string, partition: number, ...values: ReadonlyArray<string>): Promise<bigint> {
    return this.produce(topic, partition, batchOf(values))
  }

  /** The end for readers of committed records; -1: there is no such partition. */
  async end(topic: string, partition = 0, timestamp = -1n): Promise<bigint> {
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }] }]
    const answer = await this.client.call(ListOffsets, 5, { replicaId: -1, isolationLevel: 1, topics })
    return answer.topics[0]!.partitions[0]!.offset
  }

  /** Returns once the partition ends there. */
  async ends(topic: string, partition: number, end: bigint): Promise<void> {
    for (const until = Date.now() + 15_000; ;) {
      const at = await this.end(topic, partition)
      if (at === end) return
      if (Date.now() > until) throw new Error(`${topic}-${partition} ends at ${at}, not ${end}`)
    }
  }

  async batches(topic: string, partition = 0): Promise<ReadonlyArray<Uint8Array>> {
    const all: Array<Uint8Array> = []
    const end = await this.end(topic, partition)
    for (let offset = await this.end(topic, partition, -2n); offset < end;) {
      const topics = [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] }]
      const body = {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1 << 20,
        sessionId: 0,
        sessionEpoch: -1,
        topics
      }
      const answer = await this.client.call(Fetch, 11, body)
      const found = RecordBatch.splitBatches(Buffer.concat(answer.responses[0]?.partitions[0]?.records ?? []))
      if (!Array.isArray(found) || found.length === 0) break
      all.push(...found.map((batch: Uint8Array) => Uint8Array.from(batch)))
      offset = RecordBatch.lastOffset(found.at(-1)) + 1n
    }
    return all
  }

  /** Every record, markers and those of aborted transactions too. */
  async records(topic: string, partition = 0): Promise<ReadonlyArray<DecodedRecord & { readonly isControl: boolean }>> {
    const start = await this.end(topic, partition, -2n)
    return (await this.batches(topic, partition))
      .flatMap((batch) => {
        const records = RecordBatch.decodeRecords(batch, LIMITS)
        if ("_tag" in records) throw records
        return records.map((record) => ({ ...record, isControl: RecordBatch.isControl(batch) }))
      })
      .filter(({ offset }) => offset >= start)
  }

  async deleteRecords(topic: string, offset: bigint): Promise<void> {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }]
    await this.client.call(DeleteRecords, 1, { timeoutMs: 5000, topics })
  }
}

export const isFiller = ({ headers }: DecodedRecord): boolean => headers.some(({ key }) => key === FILLER)

/** A record as lines can be compared. */
export const shown = ({ headers, key, offset, timestamp, value }: DecodedRecord, less = 0n) => [
  offset - less,
  timestamp,
  key === null ? null : Buffer.from(key).toString(),
  value === null ? null : Buffer.from(value).toString(),
  headers.map((header) => [header.key, header.value === null ? null : Buffer.from(header.value).toString()])
]

/** How its log is forwarded. */
export const shadowOf = (to: BrokerUnderTest, more: Partial<Settings> = {}): Partial<Settings> => ({
  shadowTo: `127.0.0.1:${to.port}`,
  shadowIntervalMs: 100,
  ...more
})

export const sideOf = async (broker: BrokerUnderTest): Promise<Side> => new Side(broker, await broker.connect())

/** The source forwards to the target from its start on. */
export const twoBrokers = async (
  more: Partial<Settings> = {},
  ofTarget: Partial<Settings> = {},
  options: Parameters<typeof startBroker>[1] = {}
) => {
  const to = await startBroker(ofTarget)
  const from = await startBroker(shadowOf(to, more), options)
  return {
    source: await sideOf(from),
    target: await sideOf(to),
    [Symbol.asyncDispose]: async () => {
      await from[Symbol.asyncDispose]()
      await to[Symbol.asyncDispose]()
    }
  }
}
