import * as Effect from "effect/Effect"
import type { ObjectRow, ObjectRows, ObjectTotals, PointedBatch, UsedObject } from "../../port/ObjectRows.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import { run } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { int32, int64, text } from "./parameters.ts"
import type { Parameter } from "./parameters.ts"
import { readStatements } from "./readStatements.ts"

/** Asks on a session on which the statements of reads are prepared. */
export type SendObjects = (build: (frame: FrameWriter) => void) => Effect.Effect<ReadonlyArray<Row>, StoreError>

const rowOf = (row: Row): ObjectRow => ({
  objectId: row[0]!.readBigInt64BE(0),
  name: row[1]!.toString("utf8"),
  bytes: Number(row[2]!.readBigInt64BE(0)),
  createdAt: row[3]!.readBigInt64BE(0),
  unusedSince: row[4] === null ? null : row[4]!.readBigInt64BE(0),
  merged: row[5]![0] === 1
})

const usedOf = (row: Row): UsedObject => ({ ...rowOf(row), isUsed: row[6]![0] === 1 })

const batchOf = (row: Row): PointedBatch => ({
  partitionId: row[0]!.readInt32BE(0),
  baseOffset: row[1]!.readBigInt64BE(0),
  lastOffset: row[2]!.readBigInt64BE(0),
  position: Number(row[3]!.readBigInt64BE(0)),
  bytes: row[4]!.readInt32BE(0)
})

const totalsOf = (row: Row): ObjectTotals => {
  const [objects, bytes, unusedObjects, unusedBytes] = row.map((value) => Number(value!.readBigInt64BE(0)))
  return { objects: objects!, bytes: bytes!, unusedObjects: unusedObjects!, unusedBytes: unusedBytes! }
}

/** The port, over sessions for reads. */
export const objectRowsOf = (send: SendObjects): ObjectRows => {
  const ask = (statement: Statement, ...values: ReadonlyArray<Parameter>) =>
    send((frame) => run(frame, statement, values.length, () => values.forEach((value) => value(frame))))
  const s = readStatements
  return {
    nowMs: Effect.map(ask(s.ServerClock), ([row]) => Number(row![0]!.readBigInt64BE(0))),
    inUse: (after, limit) => Effect.map(ask(s.ObjectsInUse, int64(after), int32(limit)), (rows) => rows.map(usedOf)),
    unused: (before, limit) => Effect.map(ask(s.ObjectsUnused, int64(before), int32(limit)), (rows) => rows.map(rowOf)),
    known: (names) =>
      Effect.map(
        ask(s.ObjectsKnown, (frame) => frame.textArray(names, (name) => name)),
        (rows) => new Set(rows.map((row) => row[0]!.toString("utf8")))
      ),
    byName: (after, limit) => Effect.map(ask(s.ObjectsByName, text(after), int32(limit)), (rows) => rows.map(usedOf)),
    batchesOf: (objectId, after, limit) =>
      Effect.map(
        ask(
          s.ObjectBatches,
          int64(objectId),
          int64(BigInt(after?.position ?? -1)),
          int32(after?.partitionId ?? 0),
          int64(after?.baseOffset ?? 0n),
          int32(limit)
        ),
        (rows) => rows.map(batchOf)
      ),
    pointedIds: (after, limit) =>
      Effect.map(ask(s.ObjectPointedIds, int64(after), int32(limit)), (rows) =>
        rows.map((row) => ({ objectId: row[0]!.readBigInt64BE(0), isKnown: row[1]![0] === 1 }))
      ),
    totals: Effect.map(ask(s.ObjectTotals), ([row]) => totalsOf(row!))
  }
}

const OWN = [
  readStatements.ServerClock,
  readStatements.ObjectsInUse,
  readStatements.ObjectsUnused,
  readStatements.ObjectsKnown,
  readStatements.ObjectsByName,
  readStatements.ObjectBatches,
  readStatements.ObjectPointedIds,
  readStatements.ObjectTotals
]

/** The same on one session of a command. */
export const objectRowsOn = (connection: PgConnection): Effect.Effect<ObjectRows, StoreUnavailable> => {
  const asStoreError = (error: { readonly message: string }) =>
    new StoreUnavailable({ message: error.message, cause: error })
  return Effect.mapBoth(connection.prepare(OWN), {
    onFailure: asStoreError,
    onSuccess: () => objectRowsOf((build) => Effect.mapError(connection.send(build), asStoreError))
  })
}
