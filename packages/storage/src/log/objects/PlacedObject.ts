import type { StoreError } from "../../port/StoreError.ts"
import type { WriteOf } from "../../port/Write.ts"

/** An object that is in the store. */
export interface PlacedObject {
  /** Its row, which goes into each unit with a pointer to it. */
  readonly write: WriteOf<"PutObject">
  /** Why no pointer to it may be stored any more; undefined: one may. To be asked in the commit's turn. */
  readonly refusal: () => StoreError | undefined
}
