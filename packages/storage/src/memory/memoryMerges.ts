import * as Effect from "effect/Effect"
import type { MergeReads, PointedBatch } from "../port/MergeReads.ts"
import { resolved } from "../port/StoredBatch.ts"
import type { MemoryData } from "../writes/MemoryData.ts"
import type { MemoryObject } from "../writes/MemoryObjects.ts"
import { bytesOf } from "../writes/MemoryPartition.ts"

/** In order of partition and offset. */
const batchesIn = (data: MemoryData, objectIds: ReadonlySet<bigint>): ReadonlyArray<PointedBatch> => {
  const found: Array<PointedBatch> = []
  for (const [partitionId, { batches, first }] of Array.from(data.partitions).sort(([a], [b]) => a - b)) {
    for (const batch of batches.slice(first)) {
      const { baseOffset, leaderEpoch, maxTimestamp, stored } = batch
      if (stored === undefined || !objectIds.has(stored.objectId)) continue
      const { name } = data.objects.get(stored.objectId)!
      const pointer = { name, position: stored.position, bytes: bytesOf(batch), baseOffset, leaderEpoch, maxTimestamp }
      found.push({ partitionId, objectId: stored.objectId, ...pointer })
    }
  }
  return found
}

/** What merging reads of the data. */
export const mergeReadsOf = (data: MemoryData): MergeReads => {
  const used = (objectId: bigint): number =>
    batchesIn(data, new Set([objectId])).reduce((sum, batch) => sum + batch.bytes, 0)
  const objects = (wanted: (object: MemoryObject) => boolean): ReadonlyArray<MemoryObject> =>
    data.objects.all.filter((object) => object.unusedSince === null && wanted(object))
  return {
    mergeable: ({ before, below }, limit) =>
      Effect.sync(() => {
        const found = objects(
          ({ bytes, createdAt, erased, merged }) => erased || (!merged && createdAt < before && bytes < below)
        )
        return found.toSorted((a, b) => Number(b.erased) - Number(a.erased)).slice(0, limit)
      }),
    uses: (after, { before, below }, limit) =>
      Effect.sync(() =>
        objects(
          ({ bytes, createdAt, merged, objectId }) =>
            objectId > after && createdAt < before && (merged || bytes >= below) && data.objects.batches(objectId) > 0
        )
          .slice(0, limit)
          .map(({ bytes, objectId }) => ({ objectId, bytes, usedBytes: used(objectId) }))
      ),
    batchesIn: (objectIds, limit) => Effect.sync(() => batchesIn(data, new Set(objectIds)).slice(0, limit)),
    bytesOf: (batches) => Effect.map(resolved([batches]), ([found]) => found!)
  }
}
