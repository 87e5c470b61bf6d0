import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchResponsePartitionData } from "@tusk/protocol/messages/Fetch"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchesOf } from "../../bench/Fetched.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { Closed, Wire } from "../../bench/groups/Wire.ts"
import type { Seen } from "./History.ts"

/** An answer did not come in time; the connection was closed. */
export class Late extends Closed {}

/** Closes the connection when the answer takes longer: so do Kafka's clients. */
export const within = async <A>(wire: Wire, ms: number, asked: Promise<A>): Promise<A> => {
  let late = false
  const timer = setTimeout(() => {
    late = true
    wire.close()
  }, ms)
  try {
    return await asked
  } catch (error) {
    throw late ? new Late(`no answer in ${ms} ms`) : error
  } finally {
    clearTimeout(timer)
  }
}

/** Runs `work` on a connection of its own, again and again until it succeeds: by `Closed` and by what it throws itself. */
export const retrying = async <A>(
  bootstrap: string,
  what: string,
  work: (wire: Wire) => Promise<A>,
  timeoutMs = 30_000,
  attemptMs = 5000
): Promise<A> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    let wire: Wire | undefined
    try {
      wire = await Wire.connect(bootstrap, "failover")
      return await within(wire, attemptMs, work(wire))
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what}: ${String(error)}, for ${timeoutMs} ms`, { cause: error })
    } finally {
      wire?.close()
    }
    await sleep(50)
  }
}

const expect = (code: number, what: string): void => {
  if (code !== 0) throw new Error(`${what} was answered ${code}`)
}

/** Makes a topic; the id it was given. */
export const createTopic = (
  bootstrap: string,
  name: string,
  partitions: number,
  configs: Readonly<Record<string, string>> = {}
): Promise<string> =>
  retrying(bootstrap, `creating ${name}`, async (wire) => {
    const { topics } = await wire.call(CreateTopics, 7, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: 1,
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value }))
        }
      ],
      timeoutMs: 5000
    })
    const code = topics[0]?.errorCode ?? -1
    // Made by the attempt before, whose answer was lost.
    if (code !== 36) expect(code, "CreateTopics")
    const seen = await wire.call(Metadata, 12, { topics: [{ name }] })
    expect(seen.topics[0]?.errorCode ?? -1, "Metadata")
    return seen.topics[0]!.topicId
  })

export const initProducerId = (
  bootstrap: string
): Promise<{ readonly producerId: bigint; readonly producerEpoch: number }> =>
  retrying(bootstrap, "a producer id", async (wire) => {
    const answer = await wire.call(InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
      producerId: -1n,
      producerEpoch: -1
    })
    expect(answer.errorCode, "InitProducerId")
    return answer
  })

/** Leader epochs by partition. */
export const leaderEpochs = async (wire: Wire, topic: string): Promise<ReadonlyMap<number, number>> => {
  const { topics } = await wire.call(Metadata, 12, { topics: [{ name: topic }] })
  expect(topics[0]?.errorCode ?? -1, "Metadata")
  return new Map(topics[0]!.partitions.map((one) => [one.partitionIndex, one.leaderEpoch]))
}

export const EARLIEST = -2n
export const LATEST = -1n

export const listOffset = async (wire: Wire, topic: string, partition: number, timestamp: bigint): Promise<number> => {
  const { topics } = await wire.call(ListOffsets, 7, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }] }]
  })
  const found = topics[0]?.partitions[0]
  expect(found?.errorCode ?? -1, "ListOffsets")
  return Number(found!.offset)
}

export interface FetchFrom {
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch?: number
  readonly lastEpoch?: number
}

export const fetch = async (
  wire: Wire,
  topic: string,
  from: ReadonlyArray<FetchFrom>,
  maxWaitMs = 300
): Promise<ReadonlyArray<FetchResponsePartitionData>> => {
  const partitions = from.map(({ lastEpoch = -1, leaderEpoch = -1, offset, partition }) => ({
    partition,
    fetchOffset: BigInt(offset),
    currentLeaderEpoch: leaderEpoch,
    lastFetchedEpoch: lastEpoch,
    partitionMaxBytes: 1 << 20
  }))
  const answer = await wire.call(Fetch, 12, {
    replicaId: -1,
    maxWaitMs,
    minBytes: 1,
    maxBytes: 8 << 20,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic, partitions }]
  })
  expect(answer.errorCode, "Fetch")
  return answer.responses[0]?.partitions ?? []
}

/** Records of a partition's answer from an offset on, and the offset after the last batch, which may hold no record. */
export const recordsOf = (
  answer: FetchResponsePartitionData,
  from: number
): { readonly records: ReadonlyArray<Seen>; readonly next: number } => {
  const records: Array<Seen> = []
  let next = from
  for (const batch of batchesOf(answer.records)) {
    const decoded = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 25 })
    if ("_tag" in decoded) throw new Error(`a batch that cannot be read: ${decoded._tag}`)
    const epoch = RecordBatch.partitionLeaderEpoch(batch)
    for (const { offset, value } of decoded) {
      if (Number(offset) < from) continue
      records.push({
        partition: answer.partitionIndex,
        offset: Number(offset),
        epoch,
        value: Buffer.from(value ?? []).toString()
      })
    }
    next = Math.max(next, Number(RecordBatch.lastOffset(batch)) + 1)
  }
  return { records, next }
}

/** The log as a fresh client reads it, from the beginning to the high watermark of now. */
export const readAll = async (bootstrap: string, topic: string, partitions: number): Promise<ReadonlyArray<Seen>> => {
  const all: Array<Seen> = []
  for (let partition = 0; partition < partitions; partition++) {
    const read = async (wire: Wire) => {
      const found: Array<Seen> = []
      const end = await listOffset(wire, topic, partition, LATEST)
      for (let offset = await listOffset(wire, topic, partition, EARLIEST); offset < end;) {
        const [answer] = await fetch(wire, topic, [{ partition, offset }], 1000)
        expect(answer?.errorCode ?? -1, `Fetch of ${partition}/${offset}`)
        const { next, records } = recordsOf(answer!, offset)
        if (next === offset) throw new Error(`nothing at ${partition}/${offset}, below the end ${end}`)
        for (const record of records) found.push(record)
        offset = next
      }
      return found
    }
    for (const one of await retrying(bootstrap, `reading ${topic}/${partition}`, read, 30_000, 20_000)) all.push(one)
  }
  return all
}

export const endsOf = (bootstrap: string, topic: string, partitions: number): Promise<ReadonlyArray<number>> =>
  retrying(bootstrap, `ends of ${topic}`, async (wire) => {
    const ends: Array<number> = []
    for (let p = 0; p < partitions; p++) ends.push(await listOffset(wire, topic, p, LATEST))
    return ends
  })
