import { compressInBackground } from "@tusk/protocol/record/BackgroundCompression"
import { COUNT_AT, encodeBatch, withRecords } from "@tusk/protocol/record/RecordBatch"
import type { RecordHeader } from "@tusk/protocol/record/RecordBatch"
import { VarintWriter } from "@tusk/protocol/record/VarintWriter"

/** A record to be produced. Bytes may be views: they are copied when it is added. */
export interface ProducedRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyArray<RecordHeader>
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

/** Whose batch it is: a producer's id, epoch and the sequence of the first record; -1 of one that is not idempotent. */
export interface BatchProducer {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
}

const LAST_OFFSET_DELTA_AT = 23
const MAX_TIMESTAMP_AT = 35

const utf8 = new TextEncoder()

/** The records of one batch, encoded as they are added. */
export class BatchBuilder {
  readonly #records = new VarintWriter(64 * 1024)
  readonly #record = new VarintWriter(1024)
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  get count(): number {
    return this.#count
  }

  /** Of the records, uncompressed. */
  get bytes(): number {
    return this.#records.bytes().byteLength
  }

  add({ headers, key, timestamp, value }: ProducedRecord): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const record = this.#record
    record.clear()
    record.byte(0)
    record.varlong(BigInt(timestamp - this.#baseTimestamp))
    record.varint(this.#count)
    record.nullableBytes(key)
    record.nullableBytes(value)
    record.varint(headers.length)
    for (const header of headers) {
      record.nullableBytes(utf8.encode(header.key))
      record.nullableBytes(header.value)
    }
    this.#records.nullableBytes(record.bytes())
    this.#count++
  }

  /** The whole batch, and the builder is empty again. Compressed in a thread. */
  async seal(codec: number, producer: BatchProducer): Promise<Uint8Array> {
    const [count, baseTimestamp, maxTimestamp] = [this.#count, BigInt(this.#baseTimestamp), BigInt(this.#maxTimestamp)]
    const plain = this.#records.bytes().slice()
    this.#records.clear()
    this.#count = 0
    const empty = encodeBatch([], { ...producer, baseTimestamp })
    return withRecords(empty, codec, await compressInBackground(codec, plain), (view) => {
      view.setInt32(LAST_OFFSET_DELTA_AT, count - 1)
      view.setBigInt64(MAX_TIMESTAMP_AT, maxTimestamp)
      view.setInt32(COUNT_AT, count)
    })
  }
}
