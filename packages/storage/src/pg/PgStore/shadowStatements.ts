import * as Effect from "effect/Effect"
import type { ShadowPartition, ShadowRows } from "../../port/ShadowRows.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { Row } from "../connection/PgConnection.ts"
import { run, statementsOf } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { shadowTexts } from "../sql/bundle.ts"

/** What keeps how far a shadow is: each takes one JSON and gives rows of one. Seldom enough. */
export const shadowStatements = statementsOf(shadowTexts)

/** Asks on a session on which the statements are prepared. */
export type SendShadow = (build: (frame: FrameWriter) => void) => Effect.Effect<ReadonlyArray<Row>, StoreError>

/** JSON has no numbers of 64 bits. */
const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? each.toString() : each))

const partitionOf = (row: any): ShadowPartition => ({
  topic: row.topic,
  partition: row.partition,
  sourceTopicId: row.sourceTopicId,
  targetTopicId: row.targetTopicId,
  difference: BigInt(row.difference),
  fills: row.fills,
  targetStart: BigInt(row.targetStart),
  targetEnd: BigInt(row.targetEnd),
  sourceNext: BigInt(row.sourceNext),
  sourceEnd: BigInt(row.sourceEnd),
  stoppedWhy: row.stoppedWhy ?? undefined
})

const producerOf = (row: any) => ({ producerId: BigInt(row.producerId), epoch: Number(row.epoch) })

/** The port, on such a session. */
export const shadowOf = (send: SendShadow): ShadowRows => {
  const ask = (statement: Statement, value: unknown): Effect.Effect<ReadonlyArray<any>, StoreError> => {
    // In binary jsonb is its version and the text.
    const bytes = Buffer.from(`\u0001${jsonOf(value)}`, "utf8")
    const answered = send((frame) =>
      run(frame, statement, 1, () => {
        frame.int32(bytes.byteLength)
        frame.raw(bytes)
      })
    )
    return Effect.map(answered, (rows) => rows.map((row) => JSON.parse(row[0]!.toString("utf8")) as unknown))
  }
  const s = shadowStatements
  return {
    producer: (clusterId) =>
      Effect.map(ask(s.Producer, { clusterId }), ([row]) => (row === undefined ? undefined : producerOf(row))),
    putProducer: (clusterId, producer) =>
      Effect.map(ask(s.PutProducer, { clusterId, ...producer }), ([row]) => producerOf(row)),
    partitions: (clusterId, place) =>
      Effect.map(ask(s.Partitions, { clusterId, ...place }), (rows) => rows.map(partitionOf)),
    begin: (clusterId, partition) => Effect.asVoid(ask(s.BeginPartition, { clusterId, ...partition })),
    note: (clusterId, partitions) => Effect.asVoid(ask(s.NoteProgress, { clusterId, partitions })),
    stop: (clusterId, { partition, topic }, why) =>
      Effect.asVoid(ask(s.NoteStop, { clusterId, topic, partition, why })),
    forget: (clusterId, { partition, topic }) => Effect.asVoid(ask(s.ForgetPartition, { clusterId, topic, partition })),
    lockMap: (clusterId) => Effect.map(ask(s.LockMap, { clusterId }), ([held]) => held === true),
    mapped: (clusterId, { partition, topic }) =>
      Effect.map(ask(s.MappedOffsets, { clusterId, topic, partition }), (rows) =>
        rows.map((row) => ({ source: BigInt(row.source), target: BigInt(row.target) }))
      ),
    map: (clusterId, { partition, topic }, entries) =>
      Effect.map(ask(s.MapOffsets, { clusterId, topic, partition, entries }), (rows) => rows.length > 0),
    trimMap: (clusterId, { partition, topic }, limits) =>
      Effect.asVoid(ask(s.TrimMap, { clusterId, topic, partition, ...limits }))
  }
}
