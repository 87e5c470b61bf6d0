import type { KafkaError } from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { attemptSteps, offsetOf, RecordCursor, STRIDE, timestampOf } from "./RecordCursor.ts"
import type { Steps } from "./Steps.ts"

/** A record's time, in milliseconds since 1970, and its offset. */
export interface TimestampAndOffset {
  readonly timestamp: bigint
  readonly offset: bigint
}

/** What is looked for among a batch's records; a batch is opened if its header does not tell already. */
export interface LookUp {
  /** Of the decompressed records. */
  readonly steps: (records: Uint8Array) => Steps<TimestampAndOffset | undefined | KafkaError>
  /** The answer if the records cannot be read: one by which no record is passed over. */
  readonly unread: TimestampAndOffset
}

/** The first record at `startOffset` or later with a time of `timestamp` or later. Undefined: none, by the header. */
export const lookUpTimestamp = (batch: Uint8Array, timestamp: bigint, startOffset = 0n): LookUp | undefined => {
  const maxTimestamp = H.maxTimestamp(batch)
  if (maxTimestamp < timestamp || H.lastOffset(batch) < startOffset) return undefined
  const first = H.baseOffset(batch)
  return {
    steps: (records) =>
      attemptSteps(search(batch, records, (time, offset) => time >= timestamp && offset >= startOffset)),
    unread: { timestamp: maxTimestamp, offset: first < startOffset ? startOffset : first }
  }
}

/**
 * The greatest time in a batch from an offset on, and the first record that has it. Undefined: none, by the header, or none
 * that is later than `above`.
 */
export const lookUpMaxTimestamp = (batch: Uint8Array, startOffset = 0n, above?: bigint): LookUp | undefined => {
  const maxTimestamp = H.maxTimestamp(batch)
  if (H.recordCount(batch) === 0 || H.lastOffset(batch) < startOffset) return undefined
  if (above !== undefined && maxTimestamp <= above) return undefined
  return {
    steps: (records) => attemptSteps(latest(batch, records, maxTimestamp, startOffset)),
    unread: { timestamp: maxTimestamp, offset: H.lastOffset(batch) }
  }
}

function* latest(batch: Uint8Array, records: Uint8Array, maxTimestamp: bigint, startOffset: bigint) {
  let best: TimestampAndOffset | undefined
  yield* search(batch, records, (timestamp, offset) => {
    if (offset < startOffset) return false
    if (best === undefined || timestamp > best.timestamp) best = { timestamp, offset }
    return timestamp === maxTimestamp
  })
  return best
}

/** The first record that `matches`. Headers are passed over, so that a look-up costs no memory a record. */
function* search(
  batch: Uint8Array,
  records: Uint8Array,
  matches: (timestamp: bigint, offset: bigint) => boolean
): Steps<TimestampAndOffset | undefined> {
  const cursor = new RecordCursor(records, H.recordCount(batch))
  const baseOffset = H.baseOffset(batch)
  const baseTimestamp = H.baseTimestamp(batch)
  let yielded = 0
  while (cursor.advance()) {
    cursor.skipHeaders()
    const timestamp = timestampOf(batch, baseTimestamp, cursor)
    const offset = offsetOf(baseOffset, cursor)
    if (matches(timestamp, offset)) return { timestamp, offset }
    if (cursor.at - yielded >= STRIDE) yield (yielded = cursor.at)
  }
  return undefined
}
