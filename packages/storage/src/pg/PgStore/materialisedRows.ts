import * as Effect from "effect/Effect"
import type { FollowedStep, FollowerPosition } from "../../port/FollowerRows.ts"
import type { MaterialisedTables } from "../../port/MaterialisedTables.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { Row } from "../connection/PgConnection.ts"
import { run } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { materialisedStatements } from "./MaterialisedSessions.ts"
import { bytes, bytesArray, int32, int64, nothing, text } from "./parameters.ts"
import type { Parameter } from "./parameters.ts"
import { readStatements } from "./readStatements.ts"

interface Session {
  readonly send: (build: (frame: FrameWriter) => void) => Effect.Effect<ReadonlyArray<Row>, StoreError>
}

/** Of the reign that is in force. */
interface Sessions {
  readonly materialised: Session
  readonly readers: Session
}

const partOf = ({ batches, from, to }: FollowedStep): ReadonlyArray<Parameter> => [
  int64(from),
  int64(to),
  bytesArray(batches)
]

const topicOf = (topicId: string | undefined): Parameter => (topicId === undefined ? nothing : text(topicId))

/** An offset, and a version behind it. */
export const positionOf = (row: Row | undefined): FollowerPosition | undefined =>
  row === undefined ? undefined : { nextOffset: row[0]!.readBigInt64BE(0), version: row[1]!.readBigInt64BE(0) }

/** The port. */
export const materialisedOf = (
  withReign: <A>(use: (reign: Sessions) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): MaterialisedTables => {
  const ask = (statement: Statement, ...values: ReadonlyArray<Parameter>) =>
    withReign(({ materialised }) =>
      materialised.send((frame) => run(frame, statement, values.length, () => values.forEach((value) => value(frame))))
    )
  const s = materialisedStatements
  return {
    all: Effect.map(
      withReign(({ readers }) => readers.send((frame) => run(frame, readStatements.MaterialisedTables, 0, () => {}))),
      (rows) =>
        rows.map(([id, name, topic, topicId]) => ({
          id: id!.readInt32BE(0),
          name: name!.toString(),
          topic: topic!.toString(),
          topicId: topicId?.toString()
        }))
    ),
    rowsOf: (id) => {
      const me = int32(id)
      return {
        position: (partitionId) =>
          Effect.map(ask(s.MaterialisedPosition, me, int32(partitionId)), ([row]) => positionOf(row)),
        begin: (partitionId, nextOffset) =>
          Effect.asVoid(ask(s.BeginMaterialised, me, int32(partitionId), int64(nextOffset))),
        add: (step, version) =>
          Effect.map(ask(s.AddMaterialised, me, int32(step.partitionId), ...partOf(step), int64(version)), ([row]) => {
            const position = positionOf(row)
            const refusal = row?.[2]
            return position === undefined || refusal == null ? position : { ...position, refusal: refusal.toString() }
          }),
        erase: ({ key, partitionId }, since, version) =>
          Effect.map(
            ask(s.EraseMaterialised, me, int32(partitionId), bytes(key), ...partOf(since), int64(version)),
            ([row]) => row?.[0]?.[0] === 1
          ),
        end: (partitionId) => Effect.asVoid(ask(s.EndMaterialised, me, int32(partitionId))),
        clear: (topicId, limit) =>
          Effect.map(ask(s.ClearMaterialised, me, topicOf(topicId), int64(BigInt(limit))), ([row]) =>
            row === undefined ? undefined : Number(row[0]!.readBigInt64BE(0))
          ),
        belongTo: (former, topicId) =>
          Effect.map(ask(s.BelongTo, me, topicOf(former), text(topicId)), (rows) => rows.length > 0),
        stands: (partitionId, message) => Effect.asVoid(ask(s.NoteMaterialised, me, int32(partitionId), text(message)))
      }
    }
  }
}
