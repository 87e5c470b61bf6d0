import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { StoreUnavailable } from "./StoreError.ts"
import type { StoreError } from "./StoreError.ts"

/** Where the bytes of a batch lie in an object, and what its row knows better than they do: they were stored before it. */
export interface ObjectPointer {
  readonly name: string
  /** The first byte of the batch in the object. */
  readonly position: number
  readonly bytes: number
  readonly baseOffset: bigint
  readonly leaderEpoch: number
  /** Counts if the batch says that its time is that of its append. */
  readonly maxTimestamp: bigint
}

/** A batch as its row has it: the bytes, or where they are. */
export type StoredBatch = Uint8Array | ObjectPointer

const isPointer = (batch: StoredBatch): batch is ObjectPointer => !(batch instanceof Uint8Array)

/** Bytes of the batch, wherever they lie. */
export const sizeOf = (batch: StoredBatch): number => (isPointer(batch) ? batch.bytes : batch.byteLength)

/** Makes bytes of pointers: the one place where a backend's reads meet the object store. */
export interface PointerReader {
  /** What it reads is as near as a disk of this machine. */
  readonly isNear?: boolean
  /** The batches in their order, as they lie on the wire. Fails while the objects may not be read (`Owner`), or cannot. */
  readonly resolve: (batches: ReadonlyArray<ObjectPointer>) => Effect.Effect<ReadonlyArray<Uint8Array>, StoreError>
}

export const PointerReader = Context.Reference<PointerReader>("@tusk/storage/port/PointerReader", {
  defaultValue: () => ({
    resolve: () =>
      Effect.fail(
        new StoreUnavailable({ message: "a batch lies in an object store, and this broker has none", ofObject: true })
      )
  })
})

/**
 * Batches of several lists, each pointer among them resolved in one go, by the reader of the fiber that asks; lists without
 * one are handed on.
 */
export const resolved = (
  lists: ReadonlyArray<ReadonlyArray<StoredBatch>>
): Effect.Effect<ReadonlyArray<ReadonlyArray<Uint8Array>>, StoreError> => {
  const pointers = lists.flatMap((batches) => batches.filter(isPointer))
  if (pointers.length === 0) return Effect.succeed(lists as ReadonlyArray<ReadonlyArray<Uint8Array>>)
  return Effect.map(
    Effect.flatMap(PointerReader, (reader) => reader.resolve(pointers)),
    (found) => {
      let next = 0
      return lists.map((batches) => batches.map((batch) => (isPointer(batch) ? found[next++]! : batch)))
    }
  )
}
