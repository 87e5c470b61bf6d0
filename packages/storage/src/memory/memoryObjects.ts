import * as Effect from "effect/Effect"
import type { ObjectRow, ObjectRows, PointedBatch, PointedPlace, UsedObject } from "../port/ObjectRows.ts"
import type { MemoryData } from "../writes/MemoryData.ts"

const byPlace = (a: PointedPlace, b: PointedPlace): number =>
  a.position - b.position || a.partitionId - b.partitionId || Number(a.baseOffset - b.baseOffset)

/** Batches that lie in objects, with the ids of these. */
function* pointed(data: MemoryData): Generator<readonly [objectId: bigint, batch: PointedBatch]> {
  for (const [partitionId, { batches, first }] of data.partitions) {
    for (let at = first; at < batches.length; at++) {
      const { baseOffset, bytes, lastOffset, stored } = batches[at]!
      if (stored === undefined) continue
      yield [stored.objectId, { partitionId, baseOffset, lastOffset, position: stored.position, bytes: bytes! }]
    }
  }
}

const rowOf = ({ bytes, createdAt, merged, name, objectId, unusedSince }: ObjectRow): ObjectRow => ({
  objectId,
  name,
  bytes,
  createdAt,
  unusedSince,
  merged
})

/** What can be told of the objects of the data. */
export const objectRowsOf = (data: MemoryData): ObjectRows => {
  const all = (): ReadonlyArray<UsedObject> =>
    data.objects.all.map((object) => ({ ...rowOf(object), isUsed: data.objects.batches(object.objectId) > 0 }))
  return {
    nowMs: Effect.succeed(undefined),
    inUse: (after, limit) =>
      Effect.sync(() =>
        all()
          .filter(({ objectId, unusedSince }) => objectId > after && unusedSince === null)
          .slice(0, limit)
      ),
    unused: (before, limit) =>
      Effect.sync(() =>
        all()
          .filter(({ isUsed, unusedSince }) => unusedSince !== null && unusedSince < before && !isUsed)
          .toSorted((a, b) => Number(a.unusedSince! - b.unusedSince!))
          .slice(0, limit)
          .map(rowOf)
      ),
    known: (names) =>
      Effect.sync(() => {
        const there = new Set(all().map(({ name }) => name))
        return new Set(names.filter((name) => there.has(name)))
      }),
    byName: (after, limit) =>
      Effect.sync(() =>
        all()
          .filter(({ name }) => name > after)
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .slice(0, limit)
      ),
    batchesOf: (objectId, after, limit) =>
      Effect.sync(() =>
        Array.from(pointed(data))
          .flatMap(([id, batch]) =>
            id === objectId && (after === undefined || byPlace(batch, after) > 0) ? [batch] : []
          )
          .sort(byPlace)
          .slice(0, limit)
      ),
    pointedIds: (after, limit) =>
      Effect.sync(() =>
        Array.from(new Set(Array.from(pointed(data), ([objectId]) => objectId)))
          .filter((objectId) => objectId > after)
          .sort((a, b) => (a < b ? -1 : 1))
          .slice(0, limit)
          .map((objectId) => ({ objectId, isKnown: data.objects.get(objectId) !== undefined }))
      ),
    totals: Effect.sync(() => {
      const unused = all().filter(({ unusedSince }) => unusedSince !== null)
      const bytesOf = (objects: ReadonlyArray<UsedObject>) => objects.reduce((sum, { bytes }) => sum + bytes, 0)
      return {
        objects: all().length,
        bytes: bytesOf(all()),
        unusedObjects: unused.length,
        unusedBytes: bytesOf(unused)
      }
    })
  }
}
