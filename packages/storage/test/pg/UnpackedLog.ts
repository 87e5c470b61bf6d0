import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { EncodeOptions, RecordInput } from "@tusk/protocol/record/RecordBatch"
import { Write } from "../../src/port/Write.ts"

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A record whose value is a text, at a time in milliseconds. */
export const valued = (value: string, timestamp = 0n): RecordInput => ({ value: utf8(value), timestamp })

/** Appends to partition 1, as a log would: batch behind batch. */
export class UnpackedLog {
  #end = 0n
  #high = -1n

  /** A batch of these records; their offsets follow on what was appended before, or on a base offset given. */
  append(records: ReadonlyArray<RecordInput>, options: EncodeOptions = {}): Write {
    return this.stored(RecordBatch.encodeBatch(records, { baseOffset: this.#end, ...options }))
  }

  /** A marker, which ends a transaction. */
  marker(producerId: bigint): Write {
    return this.append([{ key: new Uint8Array(4), value: new Uint8Array(6) }], {
      producerId,
      producerEpoch: 0,
      isTransactional: true,
      isControl: true
    })
  }

  /** Bytes of a batch, well made or not. */
  stored(records: Uint8Array, partitionId = 1): Write {
    const maxTimestamp = RecordBatch.maxTimestamp(records)
    if (maxTimestamp > this.#high) this.#high = maxTimestamp
    const lastOffset = RecordBatch.lastOffset(records)
    this.#end = lastOffset + 1n
    return Write.Append({
      partitionId,
      baseOffset: RecordBatch.baseOffset(records),
      lastOffset,
      leaderEpoch: 1,
      maxTimestamp,
      timestampHigh: this.#high,
      cumulativeBytes: this.#end * 1000n,
      producerId: RecordBatch.producerId(records),
      producerEpoch: RecordBatch.producerEpoch(records),
      baseSequence: RecordBatch.baseSequence(records),
      records
    })
  }
}
