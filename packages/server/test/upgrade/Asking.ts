import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { WireClient } from "../WireClient.ts"
import type { KnownGroup, KnownRecord } from "./Facts.ts"

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString())

interface Aborted {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

/** Whether a client with read_committed leaves a batch out: told batch by batch, in order. */
const abortedAmong = (transactions: ReadonlyArray<Aborted>) => {
  let left = [...transactions]
  const open = new Set<bigint>()
  return (batch: Uint8Array): boolean => {
    const producerId = RecordBatch.producerId(batch)
    const begins = (each: Aborted) => each.firstOffset <= RecordBatch.baseOffset(batch)
    for (const each of left.filter(begins)) open.add(each.producerId)
    left = left.filter((each) => !begins(each))
    if (RecordBatch.isControl(batch)) open.delete(producerId)
    return RecordBatch.isTransactional(batch) && open.has(producerId)
  }
}

/** What a client with read_committed finds in a partition, from its start to where it may read. */
export const readCommitted = async (
  client: WireClient,
  topic: string,
  partition: number
): Promise<ReadonlyArray<KnownRecord>> => {
  const found: Array<KnownRecord> = []
  const start = await offsetAt(client, topic, partition, -2n)
  let at = start
  while (true) {
    const asked = { partition, fetchOffset: at, currentLeaderEpoch: -1, partitionMaxBytes: 1 << 20 }
    const topics = [{ topic, partitions: [asked] }]
    const { responses } = await client.call(Fetch, 11, { replicaId: -1, isolationLevel: 1, maxBytes: 1 << 20, topics })
    const answer = responses[0]!.partitions[0]!
    if (answer.errorCode !== 0) throw new Error(`${topic}-${partition} at ${at}: error ${answer.errorCode}`)
    const batches = RecordBatch.splitBatches(Buffer.concat(answer.records ?? []))
    if ("_tag" in batches) throw batches
    if (batches.length === 0) return found
    const isAborted = abortedAmong(answer.abortedTransactions ?? [])
    for (const batch of batches) {
      at = RecordBatch.lastOffset(batch) + 1n
      if (isAborted(batch) || RecordBatch.isControl(batch)) continue
      const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
      if ("_tag" in records) throw records
      // The first batch may begin before the log does.
      const there = records.filter(({ offset }) => offset >= start)
      for (const { key, offset, value } of there) found.push([Number(offset), text(key), text(value)])
    }
  }
}

/** The offset at a time; -2: the first, -1: the one after the last. */
export const offsetAt = async (
  client: WireClient,
  name: string,
  partitionIndex: number,
  timestamp: bigint
): Promise<bigint> => {
  const partitions = [{ partitionIndex, currentLeaderEpoch: -1, timestamp }]
  const { topics } = await client.call(ListOffsets, 5, { replicaId: -1, topics: [{ name, partitions }] })
  const { errorCode, offset } = topics[0]!.partitions[0]!
  if (errorCode !== 0) throw new Error(`${name}-${partitionIndex}: error ${errorCode}`)
  return offset
}

/** What a group has committed in each partition; -1: nothing. */
export const committedOf = async (
  client: WireClient,
  groupId: string,
  name: string,
  partitions: number
): Promise<ReadonlyArray<number>> => {
  const partitionIndexes = Array.from({ length: partitions }, (_, i) => i)
  const { topics } = await client.call(OffsetFetch, 5, { groupId, topics: [{ name, partitionIndexes }] })
  return topics[0]!.partitions.map(({ committedOffset }) => Number(committedOffset))
}

/** The members of a group, as the description of its type has them. */
export const membersOf = async (
  client: WireClient,
  type: KnownGroup["type"],
  groupId: string
): Promise<ReadonlyArray<string>> => {
  const groups = [groupId]
  const groupIds = groups
  const answer = {
    classic: () => client.call(DescribeGroups, 5, { groups }),
    consumer: () => client.call(ConsumerGroupDescribe, 0, { groupIds }),
    share: () => client.call(ShareGroupDescribe, 1, { groupIds }),
    streams: () => client.call(StreamsGroupDescribe, 0, { groupIds })
  }[type]
  const [group] = (await answer()).groups
  if (group!.errorCode !== 0) throw new Error(`${groupId}: error ${group!.errorCode}`)
  return group!.members.map(({ memberId }) => memberId)
}
