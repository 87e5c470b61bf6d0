import { mergeReadsOf } from "@tusk/storage/memory/memoryMerges"
import { objectRowsOf } from "@tusk/storage/memory/memoryObjects"
import type { MergeReads } from "@tusk/storage/port/MergeReads"
import type { ObjectRows } from "@tusk/storage/port/ObjectRows"
import { PointerReader, resolved } from "@tusk/storage/port/StoredBatch"
import type { StoreError } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import type { Beside } from "./sidePorts.ts"

/** A read of the database alone: what lies in objects is told by where it does. */
export const asStored = <A, E>(read: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.provideService(read, PointerReader, {
    resolve: (pointers) => Effect.succeed(pointers as ReadonlyArray<unknown> as ReadonlyArray<Uint8Array>)
  })

/** What a server tells of objects, and its clock. */
export const objectRows = (read: Beside["read"], nowMs: () => number): ObjectRows => {
  const ask = <A>(ask: (rows: ObjectRows) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    read(({ data }) => Effect.runSync(ask(objectRowsOf(data))))
  return {
    nowMs: read(nowMs),
    inUse: (after, limit) => ask((rows) => rows.inUse(after, limit)),
    unused: (before, limit) => ask((rows) => rows.unused(before, limit)),
    known: (names) => ask((rows) => rows.known(names)),
    byName: (after, limit) => ask((rows) => rows.byName(after, limit)),
    batchesOf: (objectId, after, limit) => ask((rows) => rows.batchesOf(objectId, after, limit)),
    pointedIds: (after, limit) => ask((rows) => rows.pointedIds(after, limit)),
    totals: ask((rows) => rows.totals)
  }
}

/** What a server tells of what lies in objects, for whoever moves it. */
export const mergeReads = (read: Beside["read"]): MergeReads => {
  const ask = <A>(ask: (reads: MergeReads) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    read(({ data }) => Effect.runSync(ask(mergeReadsOf(data))))
  return {
    mergeable: (which, limit) => ask((reads) => reads.mergeable(which, limit)),
    uses: (after, which, limit) => ask((reads) => reads.uses(after, which, limit)),
    batchesIn: (objectIds, limit) => ask((reads) => reads.batchesIn(objectIds, limit)),
    bytesOf: (batches) => Effect.map(resolved([batches]), ([found]) => found!)
  }
}
