import type { OutboxKey, OutboxLimits, OutboxPass, OutboxPart, OutboxRequest, OutboxRow } from "../../port/Outbox.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { Row } from "../connection/PgConnection.ts"
import { run, statementsOf } from "../connection/Statement.ts"
import { outboxTexts } from "../sql/bundle.ts"

/** The statements of the outbox's own session. Below are their parameters (`encode…`) and what their rows say (`decode…`). */
export const outboxStatements = statementsOf(outboxTexts)

/** Rows that one pass tells, and their bytes; the first may be larger. */
const PASS_ROWS = 2000
const PASS_BYTES = 8 * 1024 * 1024
/** Keys that are asked for at once, if a pass leaves rows behind. */
export const PASS_KEYS = 100_000

/** A snapshot that saw nothing. */
const NOTHING_SEEN = "1:1:"

const text = (frame: FrameWriter, value: string | undefined): void => {
  if (value === undefined) return frame.int32(-1)
  const bytes = Buffer.from(value)
  frame.int32(bytes.byteLength)
  frame.raw(bytes)
}

const int4 = (frame: FrameWriter, value: number): void => {
  frame.int32(4)
  frame.int32(value)
}

const int8 = (frame: FrameWriter, value: number): void => {
  frame.int32(8)
  frame.int64(BigInt(value))
}

const request = (frame: FrameWriter, { except, since, within }: OutboxRequest, limit: number): void => {
  text(frame, since ?? NOTHING_SEEN)
  text(frame, within)
  frame.int32Array(except, (partitionId) => partitionId)
  int4(frame, limit)
}

export const encodePass = (frame: FrameWriter, asked: OutboxRequest): void =>
  run(frame, outboxStatements.OutboxPass, 5, () => {
    request(frame, asked, PASS_ROWS)
    int8(frame, PASS_BYTES)
  })

export const encodeLimits = (
  frame: FrameWriter,
  { cleanupPolicy, dedupWindowMs, maxMessageBytes }: OutboxLimits
): void =>
  run(frame, outboxStatements.OutboxLimits, 3, () => {
    int4(frame, maxMessageBytes)
    text(frame, cleanupPolicy.join(","))
    int8(frame, dedupWindowMs)
  })

export const encodeKeys = (frame: FrameWriter, asked: OutboxRequest): void =>
  run(frame, outboxStatements.OutboxKeys, 4, () => request(frame, asked, PASS_KEYS))

export const encodeRows = (frame: FrameWriter, keys: ReadonlyArray<OutboxKey>): void =>
  run(frame, outboxStatements.OutboxRows, 3, () => {
    frame.int64Array(keys, ({ xid }) => xid)
    frame.int64Array(keys, ({ id }) => id)
    int8(frame, PASS_BYTES)
  })

/** With bytes of its own: the chunk that it came in holds much else. */
const bytes = (value: Buffer | null | undefined): Uint8Array | null => (value ? Uint8Array.from(value) : null)

/** The elements of an array of one dimension, in Postgres' binary form. */
const elements = (array: Buffer): ReadonlyArray<Buffer | null> => {
  if (array.readInt32BE(0) === 0) return []
  const count = array.readInt32BE(12)
  let at = 20
  return Array.from({ length: count }, () => {
    const length = array.readInt32BE(at)
    at += 4
    if (length < 0) return null
    at += length
    return array.subarray(at - length, at)
  })
}

const decodeKey = (row: Row): OutboxKey => ({ xid: row[0]!.readBigInt64BE(0), id: row[1]!.readBigInt64BE(0) })

const headersOf = (keys: Buffer | null | undefined, values: Buffer | null | undefined) => {
  if (!keys || !values) return []
  const all = elements(values)
  return elements(keys).map((key, i) => ({ key: key?.toString("utf8") ?? "", value: bytes(all[i]) }))
}

/** A row whose columns begin behind its first one. */
const decodeRow = (row: Row): OutboxRow => {
  const [, xid, id, partition, time, key, value, headerKeys, headerValues, group, committed] = row
  const common = {
    xid: xid!.readBigInt64BE(0),
    id: id!.readBigInt64BE(0),
    partitionId: partition!.readInt32BE(0),
    timestamp: time!.readBigInt64BE(0)
  }
  if (group) {
    return {
      ...common,
      groupId: group.toString("utf8"),
      committedOffset: committed ? committed.readBigInt64BE(0) : null
    }
  }
  return { ...common, key: bytes(key), value: bytes(value), headers: headersOf(headerKeys, headerValues) }
}

/** Behind a first row, which has the snapshot, and how many rows there are with those that go beyond the bytes. */
export const decodePass = ([first, ...rows]: ReadonlyArray<Row>): OutboxPass => ({
  snapshot: first![0]!.toString("utf8"),
  rows: rows.map(decodeRow),
  isWhole: rows.length < PASS_ROWS && BigInt(rows.length) === first![2]!.readBigInt64BE(0)
})

export const decodeKeys = (rows: ReadonlyArray<Row>): ReadonlyArray<OutboxKey> => rows.map(decodeKey)

export const decodePart = (rows: ReadonlyArray<Row>, asked: number): OutboxPart => ({
  rows: rows.map(decodeRow),
  count: rows.length === 0 ? asked : Number(rows.at(-1)![0]!.readBigInt64BE(0))
})
