import * as Effect from "effect/Effect"
import type { BatchReads } from "./Store.ts"
import { PointerReader } from "./StoredBatch.ts"

/** A store whose pointers this reader resolves, whichever fiber asks. */
export const pointed = <S extends Pick<BatchReads, "read" | "isNear" | "findByTimestamp" | "merges">>(
  store: S,
  reader: PointerReader
): S => ({
  ...store,
  isNear: (request) => reader.isNear === true && store.isNear?.(request) === true,
  read: (requests, maxBytes) => Effect.provideService(store.read(requests, maxBytes), PointerReader, reader),
  findByTimestamp: (partitionId, timestamp) =>
    Effect.provideService(store.findByTimestamp(partitionId, timestamp), PointerReader, reader),
  merges: {
    ...store.merges,
    bytesOf: (batches) => Effect.provideService(store.merges.bytesOf(batches), PointerReader, reader)
  }
})
