import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { PointedBatch } from "../../port/ObjectRows.ts"

/** A batch of LogAppendTime was marked so before it was stored, and has the checksum of before. */
const isCrcOfUnmarked = (bytes: Uint8Array): boolean => {
  if (RecordBatch.timestampType(bytes) !== "LogAppendTime") return false
  const unmarked = Uint8Array.from(bytes)
  unmarked[RecordBatch.ATTRIBUTES_AT + 1]! &= ~RecordBatch.TIMESTAMP_TYPE_MASK
  return RecordBatch.isCrcValid(unmarked)
}

/** Why bytes are not the batch that a row tells of; undefined: they are. Offsets and epoch are the row's alone. */
export const contradicts = (batch: PointedBatch, bytes: Uint8Array): string | undefined => {
  if (bytes.byteLength !== batch.bytes) return `${bytes.byteLength} bytes, and not ${batch.bytes}`
  if (bytes.byteLength < RecordBatch.RECORD_BATCH_OVERHEAD) return `${bytes.byteLength} bytes are no batch`
  if (RecordBatch.magic(bytes) !== 2) return `magic ${RecordBatch.magic(bytes)}`
  const size = RecordBatch.sizeInBytes(bytes)
  if (size !== bytes.byteLength) return `a batch of ${size} bytes, and not ${bytes.byteLength}`
  if (!RecordBatch.isCrcValid(bytes) && !isCrcOfUnmarked(bytes)) return "the checksum is wrong"
  const spans = BigInt(RecordBatch.lastOffsetDelta(bytes))
  const due = batch.lastOffset - batch.baseOffset
  if (spans !== due) return `a batch of ${spans + 1n} offsets, and not ${due + 1n}`
  const count = RecordBatch.recordCount(bytes)
  if (count < 0 || BigInt(count) > spans + 1n) return `${count} records at ${spans + 1n} offsets`
  return undefined
}
