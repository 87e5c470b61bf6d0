import { Write } from "../../src/port/Write.ts"
import type { Unit } from "../../src/port/Write.ts"

export const TOPIC = "AAAAAAAAAAAAAAAAAAAAAA"

/** A topic "t" of one partition, with id 1. */
export const topic: Unit = [
  Write.PutTopic({ topicId: TOPIC, name: "t" }),
  Write.PutPartition({ topicId: TOPIC, index: 0, partitionId: 1 })
]

/** A batch of one record at an offset of partition 1. */
export const append = (offset: bigint, bytes = 100): Write =>
  Write.Append({
    partitionId: 1,
    baseOffset: offset,
    lastOffset: offset,
    leaderEpoch: 1,
    maxTimestamp: offset,
    timestampHigh: offset,
    cumulativeBytes: (offset + 1n) * BigInt(bytes),
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    records: new Uint8Array(bytes)
  })

/** What a group commits for a partition. */
export const committed = (groupId: string, partitionId: number, offset: bigint): Write =>
  Write.PutOffset({
    groupId,
    partitionId,
    offset,
    leaderEpoch: -1,
    metadata: null,
    commitTimestamp: 1000n,
    expireTimestamp: -1n
  })
