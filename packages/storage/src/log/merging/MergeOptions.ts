import * as Context from "effect/Context"
import { mergeDefaults } from "../../defaults.ts"

/** How objects are merged. */
export interface MergeOptions {
  /** Between two looks: `tusk.object.merge.interval.ms`. */
  readonly intervalMs: number
  /** How old an object is at least that is merged: units that point to it may wait for their commit. */
  readonly leastAgeMs: number
  /** Bytes of an object that is made of others, about: `tusk.object.merge.bytes`. So much is held in memory for it. */
  readonly bytes: number
  /** Batches of one, at most. */
  readonly batches: number
  /** Batches that one commit says the new place of. */
  readonly batchesPerCommit: number
  /** Objects that are looked at at a time. */
  readonly objectsPerLook: number
  /** Merged objects that are looked at at a time for what is still of use in them. */
  readonly usesPerLook: number
}

export const MergeOptions = Context.Reference<MergeOptions>("@tusk/storage/MergeOptions", {
  defaultValue: () => mergeDefaults
})
