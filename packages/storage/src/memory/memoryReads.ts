import * as Effect from "effect/Effect"
import type { StoredBatchHead, StoredGroup, StoredPartition } from "../port/StateLoader.ts"
import type { ReadRequest } from "../port/BatchReader.ts"
import type { Store, StoredBatchSize, StoredSize } from "../port/Store.ts"
import { resolved, sizeOf } from "../port/StoredBatch.ts"
import type { StoredBatch } from "../port/StoredBatch.ts"
import type { MemoryData } from "../writes/MemoryData.ts"
import { mergeReadsOf } from "./memoryMerges.ts"
import { bytesOf } from "../writes/MemoryPartition.ts"
import type { MemoryBatch } from "../writes/MemoryPartition.ts"

/** The batch as it is read: its bytes, or where they are. */
const storedBatch = (data: MemoryData, batch: MemoryBatch): StoredBatch => {
  if (batch.records !== undefined) return batch.records
  const { baseOffset, leaderEpoch, maxTimestamp, stored } = batch
  const { name } = data.objects.get(stored!.objectId)!
  return { name, position: stored!.position, bytes: bytesOf(batch), baseOffset, leaderEpoch, maxTimestamp }
}

const read = (data: MemoryData, request: ReadRequest, budget: number, first: boolean): Array<StoredBatch> => {
  const partition = data.partitions.get(request.partitionId)
  const found: Array<StoredBatch> = []
  if (partition === undefined) return found
  let left = Math.min(request.maxBytes, budget)
  for (let i = partition.search((batch) => batch.lastOffset >= request.from); i < partition.batches.length; i++) {
    const batch = storedBatch(data, partition.batches[i]!)
    const bytes = sizeOf(batch)
    if (bytes > left && !(first && found.length === 0)) break
    found.push(batch)
    left -= bytes
    if (left <= 0) break
  }
  return found
}

const loadPartition = (data: MemoryData, partitionId: number): StoredPartition | undefined => {
  const partition = data.partitions.get(partitionId)
  if (partition === undefined) return undefined
  const producerBatches: Array<StoredBatchHead> = []
  const from = partition.producerSnapshot?.endOffset ?? 0n
  for (let i = partition.first; i < partition.batches.length; i++) {
    const batch = partition.batches[i]!
    if (batch.producerId >= 0n && batch.baseOffset >= from) producerBatches.push(batch)
  }
  return {
    partitionId,
    failoverEpoch: partition.failoverEpoch,
    logStartOffset: partition.logStartOffset,
    localStartOffset: partition.localStartOffset,
    endOffset: partition.endOffset,
    timestampHigh: partition.timestampHigh,
    cumulativeBytes: partition.cumulativeBytes,
    sizeBytes: partition.compaction === null ? partition.sizeBytes : undefined,
    leaderEpochs: partition.leaderEpochs.slice(),
    compaction: partition.compaction,
    producerSnapshot: partition.producerSnapshot,
    producerBatches,
    openTransactions: Array.from(partition.openTransactions, ([firstOffset, producerId]) => ({
      producerId,
      firstOffset
    })),
    lastAborted: partition.aborted.at(-1)?.lastOffset ?? -1n
  }
}

type Reads = Pick<
  Store["Service"],
  | "read"
  | "loadPartitions"
  | "sizeOf"
  | "findByTimestamp"
  | "sizes"
  | "abortedTransactions"
  | "merges"
  | "loadOffsets"
  | "loadClaims"
  | "loadGroups"
  | "loadTransactionalIds"
>

/** What can be read of the data, by any caller. */
export const readsOf = (data: MemoryData): Reads => ({
  read: (requests, maxBytes) =>
    Effect.suspend(() => {
      let left = maxBytes
      let first = true
      const found = requests.map((request) => {
        const batches = read(data, request, left, first)
        for (const batch of batches) left -= sizeOf(batch)
        if (batches.length > 0) first = false
        return batches
      })
      return resolved(found)
    }),
  loadPartitions: (partitionIds) =>
    Effect.sync(() => {
      const found: Array<StoredPartition> = []
      for (const partitionId of partitionIds.toSorted((a, b) => a - b)) {
        const partition = loadPartition(data, partitionId)
        if (partition !== undefined) found.push(partition)
      }
      return found
    }),
  sizeOf: (partitionId) =>
    Effect.sync((): StoredSize | undefined => {
      const partition = data.partitions.get(partitionId)
      if (partition === undefined) return undefined
      return { cumulativeBytes: partition.cumulativeBytes, sizeBytes: partition.sizeBytes }
    }),
  findByTimestamp: (partitionId, timestamp) =>
    Effect.suspend(() => {
      const partition = data.partitions.get(partitionId)
      if (partition === undefined) return Effect.succeed(undefined)
      const start = partition.search((batch) => batch.lastOffset >= partition.logStartOffset)
      const at = partition.search((batch) => batch.timestampHigh >= timestamp)
      const batch = partition.batches[Math.max(start, at)]
      if (batch === undefined) return Effect.succeed(undefined)
      return Effect.map(resolved([[storedBatch(data, batch)]]), ([found]) => found![0])
    }),
  sizes: (partitionId, from, limit) =>
    Effect.sync(() => {
      const partition = data.partitions.get(partitionId)
      if (partition === undefined) return []
      const start = partition.search((batch) => batch.lastOffset >= from)
      return partition.batches.slice(start, start + limit).map((batch): StoredBatchSize => ({
        ...batch,
        bytes: bytesOf(batch),
        inObject: batch.records === undefined
      }))
    }),
  abortedTransactions: (partitionId, from, to) =>
    Effect.sync(() => {
      const { aborted } = data.partitions.get(partitionId) ?? { aborted: [] }
      return aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < to)
    }),
  merges: mergeReadsOf(data),
  loadTransactionalIds: Effect.sync(() =>
    Array.from(data.transactionalIds, ([transactionalId, state]) => ({ transactionalId, ...state }))
  ),
  loadOffsets: Effect.sync(() => Array.from(data.offsets.values()).flatMap((offsets) => Array.from(offsets.values()))),
  loadClaims: Effect.succeed([]),
  loadGroups: Effect.sync(() =>
    Array.from(data.groups, ([groupId, group]): StoredGroup => {
      const members = data.groupMembers.get(groupId)
      if (members === undefined || members.size === 0) return { groupId, ...group }
      return { groupId, ...group, members: Array.from(members, ([memberId, value]) => ({ memberId, value })) }
    })
  )
})
