import type { ErasurePass, ErasureProgress, ErasureRequest, ErasureStep } from "../../port/Erasures.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { Row } from "../connection/PgConnection.ts"
import { run, statementsOf } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { erasureTexts } from "../sql/bundle.ts"

/** The statements of the session that erases. Below are their parameters (`encode…`) and what their rows say (`decode…`). */
export const erasureStatements = statementsOf(erasureTexts)

/** Requests of a pass: what is looked for in each record at once. */
const PASS_REQUESTS = 4000

export type Value = (frame: FrameWriter) => void

export const int32 =
  (value: number): Value =>
  (frame) => {
    frame.int32(4)
    frame.int32(value)
  }

export const int64 =
  (value: bigint): Value =>
  (frame) => {
    frame.int32(8)
    frame.int64(value)
  }

export const text =
  (value: string | undefined): Value =>
  (frame) => {
    if (value === undefined) return frame.int32(-1)
    const bytes = Buffer.from(value)
    frame.int32(bytes.byteLength)
    frame.raw(bytes)
  }

export const int32s =
  (values: ReadonlyArray<number>): Value =>
  (frame) =>
    frame.int32Array(values, (value) => value)

export const int64s =
  (values: ReadonlyArray<bigint>): Value =>
  (frame) =>
    frame.int64Array(values, (value) => value)

/** A statement with its parameters. */
export const asked =
  (statement: Statement, ...values: ReadonlyArray<Value>) =>
  (frame: FrameWriter): void =>
    run(frame, statement, values.length, () => values.forEach((value) => value(frame)))

/** All of a topic's pass; made if there is none and requests wait. */
export const encodePass = (topicId: string) => (frame: FrameWriter) => {
  asked(erasureStatements.TakeErasures, text(topicId), int32(PASS_REQUESTS))(frame)
  asked(erasureStatements.ErasureKeys, text(topicId))(frame)
  asked(erasureStatements.ErasureProgress, text(topicId))(frame)
}

export const encodeAdvance = ({ passId }: ErasurePass, step: ErasureStep) =>
  asked(
    erasureStatements.AdvanceErasure,
    int64(passId),
    int32(step.partitionId),
    int64(step.from),
    int64(step.to),
    int64s(step.records.map(BigInt)),
    int64(BigInt(step.bytes))
  )

/** Numbers of an array of one dimension, of as many bytes each, in Postgres' binary form. */
const numbersOf = (array: Buffer, read: (at: number) => number, width: 4 | 8): ReadonlyArray<number> => {
  if (array.readInt32BE(0) === 0) return []
  return Array.from({ length: array.readInt32BE(12) }, (_, i) => read(20 + i * (width + 4) + 4))
}

const requestOf = (row: Row): ErasureRequest => ({
  erasureId: row[0]!.readBigInt64BE(0),
  key: Uint8Array.from(row[1]!)
})

const progressOf = (row: Row): ErasureProgress => ({
  partitionId: row[0]!.readInt32BE(0),
  nextOffset: row[1]!.readBigInt64BE(0),
  endOffset: row[2]!.readBigInt64BE(0),
  records: numbersOf(row[3]!, (at) => Number(row[3]!.readBigInt64BE(at)), 8),
  bytes: row[4]!.readBigInt64BE(0)
})

/** The rows of three statements, which differ in their number of columns: the pass, its requests, its partitions. */
export const decodePass = (topicId: string, rows: ReadonlyArray<Row>): ErasurePass | undefined => {
  const pass = rows.find(({ length }) => length === 3)
  if (pass === undefined) return undefined
  const requests = rows.filter(({ length }) => length === 4)
  const ids = requests.flatMap((row) => numbersOf(row[2]!, (at) => row[2]!.readInt32BE(at), 4))
  const isBegun = pass[1]![0] === 1
  return {
    passId: pass[0]!.readBigInt64BE(0),
    topicId,
    partitionIds: Array.from(new Set(ids)),
    requests: requests.map(requestOf),
    partitions: isBegun ? rows.filter(({ length }) => length === 5).map(progressOf) : undefined,
    snapshot: pass[2]!.toString("utf8")
  }
}
