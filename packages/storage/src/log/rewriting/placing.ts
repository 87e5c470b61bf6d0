import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../port/StoreError.ts"
import type { Replacement } from "../../port/Write.ts"
import type { Objects } from "../objects/Objects.ts"
import type { PlacedObject } from "../objects/PlacedObject.ts"

/** Whether a partition's topic keeps its bytes in objects: `tusk.storage`. */
export type KeptInObjects = (partitionId: number) => boolean

export const KeptInObjects = Context.Reference<KeptInObjects>("@tusk/storage/KeptInObjects", {
  defaultValue: () => () => false
})

/** Whether a partition's topic has old batches move to objects: `remote.storage.enable`. */
export const HasSecondTier = Context.Reference<KeptInObjects>("@tusk/storage/HasSecondTier", {
  defaultValue: () => () => false
})

/** Batches with their new places, and the object that some of them lie in now. */
export interface Placed {
  readonly batches: ReadonlyArray<Replacement>
  readonly object: PlacedObject | undefined
}

/**
 * What takes the place of batches of a partition is given its own place. `movedBelow`: where the partition's second tier ends; 0
 * without one.
 */
export type Place = (
  partitionId: number,
  batches: ReadonlyArray<Replacement>,
  movedBelow: bigint
) => Effect.Effect<Placed, StoreError>

/** Markers are the broker's own, and of an empty batch there is no more than of a pointer. */
const goesOut = ({ records }: Replacement): boolean =>
  records !== null && !RecordBatch.isControl(records) && RecordBatch.recordCount(records) > 0

/**
 * The topic's config of now says where a batch goes, and not where the one before it lies: what is rewritten comes so to where
 * the topic wants it, and a topic of rows is compacted and erased while no object store can be written to, also where its old
 * batches lie in objects. All of a step go into one object; if that cannot be put, the step fails. What has moved for its age
 * goes into one again, as nobody looks for old batches below that; if that cannot be put, it lies in its row. The objects in
 * which the batches lay are left to the collector.
 */
export const makePlace = (objects: Objects, keptInObjects: KeptInObjects): Place =>
  Effect.fnUntraced(function* (partitionId, batches, movedBelow) {
    const isKept = keptInObjects(partitionId)
    const out = batches.filter((batch) => (isKept || batch.baseOffset < movedBelow) && goesOut(batch))
    if (out.length === 0) return { batches, object: undefined }
    const put = objects.put(out.map(({ records }) => records!))
    const object = yield* isKept ? put : Effect.orElseSucceed(put, () => undefined)
    if (object === undefined) return { batches, object }
    let end = 0
    const places = new Map(
      out.map((batch) => {
        const position = end
        end += batch.records!.byteLength
        return [batch, { objectId: object.write.objectId, position }] as const
      })
    )
    const placed = batches.map((batch): Replacement => {
      const stored = places.get(batch)
      return stored === undefined ? batch : { ...batch, stored }
    })
    return { batches: placed, object }
  })
