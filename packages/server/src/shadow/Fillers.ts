import { compress, GZIP, UNCOMPRESSED } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { VarintWriter } from "@tusk/protocol/record/VarintWriter"

/** The header that marks a filler. */
export const FILLER = "tusk.filler"

/** Most of one batch, and the most bytes that one takes before compression. */
export const FILL_MOST = 2000
export const FILLER_BYTES = 40

const NAME = new TextEncoder().encode(FILLER)
/** Fewer are not worth it. */
const COMPRESSED_FROM = 10

/** Fillers of one kind, one behind the other: where each ends. */
interface Run {
  readonly bytes: Uint8Array
  readonly ends: ReadonlyArray<number>
}

/**
 * Records that stand where the source has none. Key and value are null; in a compacted topic, which takes no record without
 * a key, the key is their own: compaction takes them away, and no other record. Made once, for all that fill.
 */
export class Fillers {
  readonly #body = new VarintWriter()
  readonly #runs = new Map<boolean, Run>()
  readonly #full = new Map<boolean, Uint8Array>()

  /** Writes one. */
  write(writer: VarintWriter, isCompacted: boolean, timestampDelta: bigint, offsetDelta: number): void {
    const body = this.#body
    body.clear()
    body.byte(0)
    body.varlong(timestampDelta)
    body.varint(offsetDelta)
    body.nullableBytes(isCompacted ? NAME : null)
    body.nullableBytes(null)
    body.varint(1)
    body.nullableBytes(NAME)
    body.nullableBytes(null)
    const bytes = body.bytes()
    writer.varint(bytes.byteLength)
    writer.raw(bytes)
  }

  /** A batch of at most `FILL_MOST`, all of that time. It is the caller's. */
  batch(records: number, isCompacted: boolean, timestamp: bigint): Uint8Array {
    const isFull = records === FILL_MOST
    const known = isFull ? this.#full.get(isCompacted) : undefined
    const made = known ?? this.#made(records, isCompacted)
    if (isFull) this.#full.set(isCompacted, made)
    const batch = Uint8Array.from(made)
    const view = RecordBatch.viewOf(batch)
    view.setBigInt64(27, timestamp)
    view.setBigInt64(35, timestamp)
    RecordBatch.refreshCrc(batch)
    return batch
  }

  #made(records: number, isCompacted: boolean): Uint8Array {
    const { bytes, ends } = this.#run(isCompacted)
    const codec = records < COMPRESSED_FROM ? UNCOMPRESSED : GZIP
    const head = RecordBatch.encodeBatch([{ value: null }])
    return RecordBatch.withRecords(head, codec, compress(codec, bytes.subarray(0, ends[records - 1])), (view) => {
      view.setInt32(23, records - 1)
      view.setInt32(RecordBatch.COUNT_AT, records)
    })
  }

  #run(isCompacted: boolean): Run {
    const known = this.#runs.get(isCompacted)
    if (known !== undefined) return known
    const writer = new VarintWriter(FILL_MOST * FILLER_BYTES)
    const ends: Array<number> = []
    for (let i = 0; i < FILL_MOST; i++) {
      this.write(writer, isCompacted, 0n, i)
      ends.push(writer.bytes().byteLength)
    }
    const run = { bytes: Uint8Array.from(writer.bytes()), ends }
    this.#runs.set(isCompacted, run)
    return run
  }
}
