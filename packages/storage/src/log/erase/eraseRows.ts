import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"

/**
 * Takes away what is kept elsewhere in the database of a partition's records of these keys, below an offset. A text: it waits
 * for that.
 */
export type EraseRows = (
  partitionId: number,
  keys: ReadonlyArray<Uint8Array>,
  below: bigint
) => Effect.Effect<string | undefined, KafkaError | StoreError>

export const makeEraseRows = (_store: Pick<Store["Service"], "unpacked">): EraseRows => () => Effect.succeed(undefined)
