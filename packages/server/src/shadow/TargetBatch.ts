/** Batches as the target gets them: pure. Records' bytes stay; the producer is the shadow's own. */
import { compress, GZIP, UNCOMPRESSED } from "@tusk/protocol/record/Compression"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { open } from "@tusk/protocol/record/RecordCursor"
import { VarintWriter } from "@tusk/protocol/record/VarintWriter"
import type { Fillers } from "./Fillers.ts"
import type { Sent } from "./Plan.ts"

/** Who sends. */
export interface Sender {
  readonly producerId: bigint
  readonly epoch: number
}

/** A sequence number is the offset at the target, as far as 31 bits hold it. */
export const sequenceAt = (target: bigint): number => Number(target % 0x80000000n)

/** Bits that a producer does not set: of a transaction, of the broker's time, of tombstones' end. */
const NOT_A_PRODUCERS =
  RecordBatch.TRANSACTIONAL_MASK | RecordBatch.TIMESTAMP_TYPE_MASK | RecordBatch.DELETE_HORIZON_MASK

/** In place: the batch as this producer sends it to lie at an offset. */
const asSent = (batch: Uint8Array, { epoch, producerId }: Sender, target: bigint): Uint8Array => {
  const view = RecordBatch.viewOf(batch)
  RecordBatch.setOffsets(batch, 0n, -1)
  view.setInt16(RecordBatch.ATTRIBUTES_AT, RecordBatch.attributes(batch) & ~NOT_A_PRODUCERS)
  view.setBigInt64(43, producerId)
  view.setInt16(51, epoch)
  view.setInt32(53, sequenceAt(target))
  RecordBatch.refreshCrc(batch)
  return batch
}

const limitsOf = (maxBytes: number) => ({ maxDecompressedBytes: maxBytes, maxRecords: 10_000_000 })

/** The offsets of a batch's records from one on. Throws a KafkaError. */
export const offsetsFrom = (batch: Uint8Array, from: bigint, maxBytes: number): ReadonlyArray<bigint> => {
  const cursor = open(batch, limitsOf(maxBytes))
  const base = RecordBatch.baseOffset(batch)
  const offsets: Array<bigint> = []
  while (cursor.advance()) {
    cursor.skipHeaders()
    const offset = base + BigInt(cursor.offsetDelta)
    if (offset >= from) offsets.push(offset)
  }
  return offsets
}

/** Writes records one after the other, at offsets from 0 on. */
class Records {
  readonly writer = new VarintWriter()
  count = 0
  filled = 0
  readonly #head = new VarintWriter()
  readonly #fillers: Fillers
  readonly #isCompacted: boolean

  constructor({ fillers, isCompacted }: TargetBatchOptions) {
    this.#fillers = fillers
    this.#isCompacted = isCompacted
  }

  /** Fillers up to an offset, of a neighbour's time. */
  fill(until: number, timestampDelta: bigint): void {
    this.filled += Math.max(0, until - this.count)
    while (this.count < until) this.#fillers.write(this.writer, this.#isCompacted, timestampDelta, this.count++)
  }

  /** Key, value, headers and time as they are; the offset is that of its new place. */
  copy(bytes: Uint8Array, start: number, deltaAt: number, keySizeAt: number, next: number): void {
    this.#head.clear()
    this.#head.raw(bytes.subarray(start, deltaAt))
    this.#head.varint(this.count++)
    const head = this.#head.bytes()
    this.writer.varint(head.byteLength + next - keySizeAt)
    this.writer.raw(head)
    this.writer.raw(bytes.subarray(keySizeAt, next))
  }
}

/** Beyond so many fillers a batch is worth its compression. */
const MANY = 100

/** What is left of a batch from an offset on, as one without holes. Throws a KafkaError. */
const rebuilt = (batch: Uint8Array, from: bigint, options: TargetBatchOptions): Uint8Array => {
  const { fills, maxBytes } = options
  const cursor = open(batch, limitsOf(maxBytes))
  const base = RecordBatch.baseOffset(batch)
  const first = from > base ? Number(from - base) : 0
  const records = new Records(options)
  while (cursor.advance()) {
    cursor.skipHeaders()
    if (cursor.offsetDelta < first) continue
    if (fills) records.fill(cursor.offsetDelta - first, cursor.timestampDelta)
    records.copy(cursor.bytes, cursor.start, cursor.deltaAt, cursor.keySizeAt, cursor.next)
  }
  if (fills) records.fill(RecordBatch.lastOffsetDelta(batch) + 1 - first, cursor.timestampDelta)
  const own = RecordBatch.compressionCodec(batch)
  const codec = own === UNCOMPRESSED && records.filled > MANY ? GZIP : own
  return RecordBatch.withRecords(batch, codec, compress(codec, records.writer.bytes()), (view) => {
    view.setInt32(23, records.count - 1)
    view.setInt32(RecordBatch.COUNT_AT, records.count)
  })
}

export interface TargetBatchOptions {
  /** Whether holes are filled; else records close up. */
  readonly fills: boolean
  /** Whether the target refuses records without a key. */
  readonly isCompacted: boolean
  /** What a batch may expand to where it has to be opened. */
  readonly maxBytes: number
  readonly fillers: Fillers
}

/** What a step sends; a KafkaError if a batch cannot be opened. */
export const targetBatch = (step: Sent, sender: Sender, options: TargetBatchOptions): Uint8Array | KafkaError => {
  switch (step._tag) {
    case "Copy":
      return asSent(Uint8Array.from(step.batch), sender, step.target)
    case "Fill":
      return asSent(options.fillers.batch(step.records, options.isCompacted, step.timestamp), sender, step.target)
    case "Rebuild":
      try {
        return asSent(rebuilt(step.batch, step.from, options), sender, step.target)
      } catch (error) {
        if (isKafkaError(error)) return error
        throw error
      }
  }
}
