import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { StoreError } from "../../port/StoreError.ts"
import type { StoredObject } from "../../port/Write.ts"

/** What is said of an object by whoever puts it. */
export interface PutWhat {
  /** Its batches lie in order of partition and offset: it is not merged again. */
  readonly merged: boolean
}

/**
 * Puts batches into an object of their own, side by side in this order, and tells of it when it is durable; nobody's batches are
 * waited for. What points to it is to be committed within the hour, as a collector takes what nothing points to.
 */
export type PutNow = (batches: ReadonlyArray<Uint8Array>, what: PutWhat) => Effect.Effect<StoredObject, StoreError>

/** Undefined: this broker has no object store. */
export const PutNow = Context.Reference<PutNow | undefined>("@tusk/storage/log/objects/PutNow", {
  defaultValue: () => undefined
})
