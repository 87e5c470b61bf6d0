import type { KafkaError } from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { attemptSteps, RecordCursor, STRIDE, timestampOf } from "./RecordCursor.ts"
import { withRecords } from "./Records.ts"
import type { Steps } from "./Steps.ts"
import { VarintWriter } from "./VarintWriter.ts"

/** Some records of a batch, not compressed, with offsets 0, 1, 2 …; their times still count from the batch's. */
export interface Part {
  readonly records: Uint8Array
  readonly count: number
  /** Milliseconds since 1970. */
  readonly maxTimestamp: bigint
}

/** Parts of a batch by where its records go, in order of their first records. Copied but for their offsets. */
export const partSteps = (
  batch: Uint8Array,
  records: Uint8Array,
  placeOf: (key: Uint8Array | null) => number
): Steps<ReadonlyMap<number, Part> | KafkaError> => attemptSteps(divide(batch, records, placeOf))

function* divide(batch: Uint8Array, records: Uint8Array, placeOf: (key: Uint8Array | null) => number) {
  const parts = new Map<number, Writing>()
  const cursor = new RecordCursor(records, H.recordCount(batch))
  const base = H.baseTimestamp(batch)
  let yielded = 0
  while (cursor.advance()) {
    cursor.skipHeaders()
    const place = placeOf(cursor.slice(cursor.keyAt, cursor.keySize))
    let part = parts.get(place)
    if (part === undefined) parts.set(place, (part = new Writing()))
    part.add(cursor, timestampOf(batch, base, cursor))
    if (cursor.at - yielded >= STRIDE) yield (yielded = cursor.at)
  }
  return parts
}

/** A part's batch, its records compressed by `codec`: header and CRC as a producer would have made them. */
export const partBatch = (
  batch: Uint8Array,
  { count, maxTimestamp }: Part,
  codec: number,
  compressed: Uint8Array
): Uint8Array =>
  withRecords(batch, codec, compressed, (view) => {
    view.setInt32(23, count - 1)
    view.setBigInt64(35, maxTimestamp)
    view.setInt32(H.COUNT_AT, count)
  })

class Writing implements Part {
  readonly #writer = new VarintWriter()
  readonly #delta = new VarintWriter(8)
  count = 0
  maxTimestamp = -1n

  get records(): Uint8Array {
    return this.#writer.bytes()
  }

  add({ bytes, deltaAt, keySizeAt, next, start }: RecordCursor, timestamp: bigint): void {
    this.#delta.clear()
    this.#delta.varint(this.count++)
    const delta = this.#delta.bytes()
    this.#writer.varint(deltaAt - start + delta.byteLength + next - keySizeAt)
    this.#writer.raw(bytes.subarray(start, deltaAt))
    this.#writer.raw(delta)
    this.#writer.raw(bytes.subarray(keySizeAt, next))
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
  }
}
