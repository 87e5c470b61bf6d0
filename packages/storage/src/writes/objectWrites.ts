import type { MovedBatch, WriteOf } from "../port/Write.ts"
import { int4, int8, over, overLast, text } from "./StatementWriter.ts"
import { FIXED_BYTES } from "./WriteDefinition.ts"
import type { WriteDefinition } from "./WriteDefinition.ts"

type Kinds = "PutObject" | "PutErased" | "MoveBatches" | "PutMerged" | "PutUnusedObjects" | "DropObject"

/** In the place of an object's id: the bytes lie in the row. No object has it. */
const IN_THE_ROW = 0n

const moveBatches = over<MovedBatch & { readonly partitionId: number }>(
  "MoveBatches",
  int4((batch) => batch.partitionId),
  int8((batch) => batch.baseOffset),
  int8((batch) => batch.from ?? IN_THE_ROW),
  int8((batch) => batch.to.objectId),
  int8((batch) => BigInt(batch.to.position)),
  int4((batch) => batch.bytes)
)

const putUnused = over<{ readonly objectId: bigint; readonly unusedSince: bigint }>(
  "PutUnusedObjects",
  int8((object) => object.objectId),
  int8((object) => object.unusedSince)
)

const putMerged = over<bigint>(
  "PutMerged",
  int8((objectId) => objectId)
)

const putErased = over<{ readonly partitionId: number; readonly baseOffset: bigint }>(
  "PutErased",
  int4((batch) => batch.partitionId),
  int8((batch) => batch.baseOffset)
)

/** The entries of `Writes.ts` for objects, and for batches whose bytes go from one place to another. */
export const objectWrites: { readonly [T in Kinds]: WriteDefinition<WriteOf<T>> } = {
  PutObject: {
    order: {},
    takes: [],
    bytes: ({ name }) => name.length,
    // Many units of one commit may bring it.
    store: overLast(
      (write) => Number(write.objectId),
      over(
        "PutObject",
        int8((write) => write.objectId),
        text((write) => write.name),
        int8((write) => BigInt(write.bytes)),
        int8((write) => write.createdAt),
        int4((write) => (write.merged ? 1 : 0))
      )
    ),
    apply: (data, { _tag, ...object }) => data.objects.put(object)
  },
  MoveBatches: {
    order: {},
    takes: [],
    bytes: ({ batches }) => FIXED_BYTES * batches.length,
    store: (out, writes) =>
      moveBatches(
        out,
        writes.flatMap(({ batches, partitionId }) => batches.map((batch) => ({ partitionId, ...batch })))
      ),
    apply: (data, { batches, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined) data.moveBatches(partition, batches)
    }
  },
  PutMerged: {
    order: {},
    takes: [],
    bytes: ({ objectIds }) => 8 * objectIds.length,
    store: (out, writes) =>
      putMerged(
        out,
        writes.flatMap(({ objectIds }) => objectIds)
      ),
    apply: (data, { objectIds }) => {
      for (const objectId of objectIds) data.objects.merged(objectId)
    }
  },
  PutErased: {
    order: {},
    takes: [],
    bytes: ({ baseOffsets }) => 8 * baseOffsets.length,
    store: (out, writes) =>
      putErased(
        out,
        writes.flatMap(({ baseOffsets, partitionId }) => baseOffsets.map((baseOffset) => ({ partitionId, baseOffset })))
      ),
    apply: (data, { baseOffsets, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined) data.erased(partition, baseOffsets)
    }
  },
  PutUnusedObjects: {
    order: {},
    takes: [],
    bytes: ({ objectIds }) => 8 * objectIds.length,
    store: (out, writes) =>
      putUnused(
        out,
        writes.flatMap(({ objectIds, unusedSince }) => objectIds.map((objectId) => ({ objectId, unusedSince })))
      ),
    apply: (data, { objectIds, unusedSince }) => {
      for (const objectId of objectIds) data.objects.unused(objectId, unusedSince)
    }
  },
  DropObject: {
    order: {},
    takes: [],
    bytes: () => 0,
    store: over(
      "DropObject",
      int8((write) => write.objectId)
    ),
    apply: (data, { objectId }) => data.objects.drop(objectId)
  }
}
