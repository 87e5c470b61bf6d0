import * as Effect from "effect/Effect"
import type { MergeableObject, MergeReads, ObjectUse, PointedBatch } from "../../port/MergeReads.ts"
import { resolved } from "../../port/StoredBatch.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { Row } from "../connection/PgConnection.ts"
import { run } from "../connection/Statement.ts"
import type { Readers } from "./Readers.ts"
import { readStatements } from "./readStatements.ts"

const int32 = (value: Buffer | null | undefined): number => value!.readInt32BE(0)
const int64 = (value: Buffer | null | undefined): bigint => value!.readBigInt64BE(0)

const putInt64 = (frame: FrameWriter, value: bigint): void => {
  frame.int32(8)
  frame.int64(value)
}

const putLimit = (frame: FrameWriter, limit: number): void => {
  frame.int32(4)
  frame.int32(limit)
}

const decodeMergeable = (row: Row): MergeableObject => ({
  objectId: int64(row[0]),
  bytes: Number(int64(row[1])),
  erased: row[2]![0] === 1
})

const decodeUse = (row: Row): ObjectUse => ({
  objectId: int64(row[0]),
  bytes: Number(int64(row[1])),
  usedBytes: Number(int64(row[2]))
})

const decodePointed = (row: Row): PointedBatch => ({
  partitionId: int32(row[0]),
  objectId: int64(row[1]),
  baseOffset: int64(row[2]),
  leaderEpoch: int32(row[3]),
  maxTimestamp: int64(row[4]),
  position: Number(int64(row[5])),
  bytes: int32(row[6]),
  name: row[7]!.toString("latin1")
})

/** What merging reads. `withReaders`: with the connections for reads of the reign that is in force. */
export const mergeReadsOf = (
  withReaders: <A>(use: (readers: Readers) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): MergeReads => {
  const rows = <A>(decode: (row: Row) => A, build: (frame: FrameWriter) => void) =>
    withReaders((readers) => Effect.map(readers.send(build), (found) => found.map(decode)))
  return {
    mergeable: ({ before, below }, limit) =>
      rows(decodeMergeable, (frame) =>
        run(frame, readStatements.Mergeable, 3, () => {
          putInt64(frame, before)
          putInt64(frame, BigInt(below))
          putLimit(frame, limit)
        })
      ),
    uses: (after, { before, below }, limit) =>
      rows(decodeUse, (frame) =>
        run(frame, readStatements.ObjectUses, 4, () => {
          putInt64(frame, after)
          putInt64(frame, before)
          putInt64(frame, BigInt(below))
          putLimit(frame, limit)
        })
      ),
    batchesIn: (objectIds, limit) =>
      rows(decodePointed, (frame) =>
        run(frame, readStatements.BatchesIn, 2, () => {
          frame.int64Array(objectIds, (objectId) => objectId)
          putLimit(frame, limit)
        })
      ),
    bytesOf: (batches) => Effect.map(resolved([batches]), ([found]) => found!)
  }
}
