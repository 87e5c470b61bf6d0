import * as Effect from "effect/Effect"
import type { StoreError } from "../../port/StoreError.ts"
import type { ErasedKey, FollowedStep } from "../../port/FollowerRows.ts"
import type { UnpackedRows, UnpackedPosition } from "../../port/UnpackedRows.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { Row } from "../connection/PgConnection.ts"
import { run, statementsOf } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { unpackedTexts } from "../sql/bundle.ts"
import { positionOf } from "./materialisedRows.ts"
import { bytes, bytesArray, int32, int64 } from "./parameters.ts"
import type { Parameter } from "./parameters.ts"
import { readStatements } from "./readStatements.ts"

/** The statements by which records are kept as rows. */
export const unpackedStatements = statementsOf(unpackedTexts)

const stepOf = (step: FollowedStep): ReadonlyArray<Parameter> => [
  int32(step.partitionId),
  int64(step.from),
  int64(step.to),
  bytesArray(step.batches)
]

const erasedOf = ({ below, key, partitionId }: ErasedKey): ReadonlyArray<Parameter> => [
  int32(partitionId),
  bytes(key),
  int64(below)
]

const compactionOf = (row: Row): UnpackedPosition => ({
  partitionId: row[0]!.readInt32BE(0),
  nextOffset: row[1]!.readBigInt64BE(0),
  compacted:
    row[2] == null
      ? undefined
      : { cleanedOffset: row[2].readBigInt64BE(0), deleteHorizon: row[3]?.readBigInt64BE(0) ?? -1n }
})

interface Session {
  readonly send: (build: (frame: FrameWriter) => void) => Effect.Effect<ReadonlyArray<Row>, StoreError>
}

/** Of the reign that is in force. */
interface Sessions {
  readonly unpacked: Session
  readonly readers: Session
}

/** The port. Whether there are any rows is a read like others: a broker that keeps none opens no session for them. */
export const unpackedOf = (
  withReign: <A>(use: (reign: Sessions) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): UnpackedRows => {
  const ask = (statement: Statement, ...values: ReadonlyArray<Parameter>) =>
    withReign(({ unpacked }) =>
      unpacked.send((frame) => run(frame, statement, values.length, () => values.forEach((value) => value(frame))))
    )
  const read = (statement: Statement) =>
    withReign(({ readers }) => readers.send((frame) => run(frame, statement, 0, () => {})))
  const s = unpackedStatements
  return {
    positions: Effect.map(read(readStatements.UnpackedPositions), (rows) => rows.map(compactionOf)),
    position: (partitionId) => Effect.map(ask(s.Position, int32(partitionId)), ([row]) => positionOf(row)),
    leftOver: Effect.map(read(readStatements.UnpackedLeftOver), (rows) => rows.map((row) => row[0]!.readInt32BE(0))),
    begin: (partitionId, nextOffset) => Effect.asVoid(ask(s.BeginRows, int32(partitionId), int64(nextOffset))),
    add: (step, version) => Effect.map(ask(s.AddRows, ...stepOf(step), int64(version)), ([row]) => positionOf(row)),
    sift: (step) => Effect.asVoid(ask(s.SiftRows, ...stepOf(step))),
    noteCompaction: (partitionId, { cleanedOffset, deleteHorizon }) =>
      Effect.asVoid(ask(s.NoteCompaction, int32(partitionId), int64(cleanedOffset), int64(deleteHorizon))),
    clear: (partitionId, limit) =>
      Effect.map(ask(s.ClearRows, int32(partitionId), int64(BigInt(limit))), ([row]) =>
        Number(row![0]!.readBigInt64BE(0))
      ),
    trim: (partitionId, below, limit) =>
      Effect.map(ask(s.TrimRows, int32(partitionId), int64(below), int64(BigInt(limit))), ([row]) =>
        Number(row![0]!.readBigInt64BE(0))
      ),
    erase: (erased) => Effect.asVoid(ask(s.EraseRows, ...erasedOf(erased))),
    end: (partitionId) => Effect.asVoid(ask(s.EndRows, int32(partitionId)))
  }
}
