/** A broker that forwards its log to another one, both in this process. */
import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"
import type { Settings } from "../../src/config/Settings.ts"
import { FILLER } from "../../src/shadow/Fillers.ts"
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

  /** Returns once the broker has told something like this. */
  async tells(pattern: RegExp): Promise<string> {
    return eventually(String(pattern), async () => {
      await this.client.call(ListOffsets, 5, { replicaId: -1, isolationLevel: 1, topics: [] })
      return this.broker.log.find(({ text }) => pattern.test(text))?.text
    })
  }

  async deleteTopic(name: string): Promise<void> {
    await this.client.call(DeleteTopics, 5, { topicNames: [name], timeoutMs: 5000 })
  }

  async addPartitions(name: string, count: number): Promise<void> {
    await this.client.call(CreatePartitions, 2, { topics: [{ name, count, assignments: null }], timeoutMs: 5000 })
  }

  async setConfig(topic: string, name: string, value: string | null): Promise<void> {
    const configs = [{ name, configOperation: value === null ? 1 : 0, value }]
    await this.client.call(IncrementalAlterConfigs, 1, {
      resources: [{ resourceType: 2, resourceName: topic, configs }]
    })
  }

  /** A config's value. */
  async config(topic: string, name: string): Promise<string | null | undefined> {
    const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: [name] }]
    const { results } = await this.client.call(DescribeConfigs, 4, { resources })
    return results[0]?.configs[0]?.value
  }

  async commit(groupId: string, topic: string, committedOffset: bigint): Promise<void> {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: "" }] }]
    const body = { groupId, generationIdOrMemberEpoch: -1, memberId: "", topics }
    await this.client.call(OffsetCommit, 7, body)
  }

  async committed(groupId: string, topic: string): Promise<bigint> {
    const answer = await this.client.call(OffsetFetch, 5, { groupId, topics: [{ name: topic, partitionIndexes: [0] }] })
    return answer.topics[0]!.partitions[0]!.committedOffset
  }

  async deleteRecords(topic: string, offset: bigint): Promise<void> {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }]
    await this.client.call(DeleteRecords, 1, { timeoutMs: 5000, topics })
  }
}

/** Returns once `look` finds something; asks again and again. */
export const eventually = async <A>(what: string, look: () => Promise<A | undefined>): Promise<A> => {
  for (const until = Date.now() + 15_000; ;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(`${what} does not come`)
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
