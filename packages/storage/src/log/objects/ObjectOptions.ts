import * as Context from "effect/Context"
import { objectDefaults } from "../../defaults.ts"

/** How batches of object topics get into objects. */
export interface ObjectOptions {
  /** How long a batch waits for others, in milliseconds; -1: as long as fits the store. */
  readonly lingerMs: number
  /** Bytes from which on an object takes no further batches. */
  readonly maxBytes: number
  /** Objects that are put at a time. */
  readonly uploads: number
  /** Bytes of an object that grows by appends, in stores that have such; one append may be larger. */
  readonly grownBytes: number
  /** Batches point to an object for the first time while it is younger than this: the collector takes none that is so young. */
  readonly pointableMs: number
}

export const ObjectOptions = Context.Reference<ObjectOptions>("@tusk/storage/ObjectOptions", {
  defaultValue: () => objectDefaults
})
