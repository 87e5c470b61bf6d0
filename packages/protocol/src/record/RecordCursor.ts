import { CorruptMessage, InvalidRecord, isKafkaError, type KafkaError } from "../KafkaError.ts"
import * as H from "./BatchHeader.ts"
import { decompress, type DecompressionLimits, UNCOMPRESSED } from "./Compression.ts"
import type { Steps } from "./Steps.ts"

/** A header of a record; its key is text, as in Kafka, and may repeat. */
export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** What reading the records of a batch may cost. */
export interface DecodeLimits extends DecompressionLimits {
  /** Most records and headers together, as small ones take many times their bytes in memory. 1,000,000 if not given. */
  readonly maxRecords?: number
}

/** The headers of a record that has none. */
export const NO_HEADERS: ReadonlyArray<RecordHeader> = []

/** The error of a record that is malformed. */
export const invalid = (message: string): InvalidRecord => new InvalidRecord({ message })

/** Walks over the records of a batch. Throws InvalidRecord; its callers answer it as a value. */
export class RecordCursor {
  readonly bytes: Buffer
  at: number
  readonly end: number
  left: number
  /** The record's first byte, behind its size, and where the next one begins. */
  start = 0
  next = 0
  /** Where its offset delta begins, and what is behind that: key, value, headers. */
  deltaAt = 0
  keySizeAt = 0
  offsetDelta = 0
  timestampDelta = 0n
  keyAt = 0
  /** -1 for null, as on the wire, and nothing below: clients differ in what they make of it. The same for `valueSize`. */
  keySize = -1
  valueAt = 0
  valueSize = -1
  headerCount = 0

  constructor(bytes: Uint8Array, count: number) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
    this.end = bytes.byteLength
    this.left = count
  }

  /** Goes to the next record, with `at` behind its value; false when there is none, and then no byte may be over. */
  advance(): boolean {
    if (this.left-- <= 0) {
      if (this.at !== this.end) throw invalid("Bytes are left behind the last record of a batch.")
      return false
    }
    const size = this.varint()
    if (size < 0 || size > this.end - this.at) throw invalid(`A record of ${size} bytes in ${this.end - this.at}.`)
    this.start = this.at
    this.next = this.at + size
    // The attributes of a record have no use yet.
    this.at++
    this.timestampDelta = this.varlong()
    this.deltaAt = this.at
    this.offsetDelta = this.varint()
    this.keySizeAt = this.at
    this.keySize = this.varint()
    this.keyAt = this.skip(this.keySize)
    this.valueSize = this.varint()
    this.valueAt = this.skip(this.valueSize)
    this.headerCount = this.varint()
    // A header is two bytes or more.
    if (this.headerCount < 0 || this.headerCount * 2 > this.next - this.at) {
      throw invalid(`A record with ${this.headerCount} headers in ${this.next - this.at} bytes.`)
    }
    return true
  }

  skipHeaders(): void {
    for (let i = 0; i < this.headerCount; i++) {
      const size = this.varint()
      if (size < 0) throw invalid("A header without a key.")
      this.skip(size)
      this.skip(this.varint())
    }
    this.finish()
  }

  headers(): ReadonlyArray<RecordHeader> {
    const headers: Array<RecordHeader> = []
    for (let i = 0; i < this.headerCount; i++) {
      const keySize = this.varint()
      if (keySize < 0) throw invalid("A header without a key.")
      const keyAt = this.skip(keySize)
      const key = this.bytes.toString("utf8", keyAt, keyAt + keySize)
      const size = this.varint()
      headers.push({ key, value: this.slice(this.skip(size), size) })
    }
    this.finish()
    return headers.length === 0 ? NO_HEADERS : headers
  }

  finish(): void {
    if (this.at !== this.next) throw invalid("A record whose fields do not fill its size.")
  }

  slice(at: number, size: number): Uint8Array | null {
    return size < 0 ? null : this.bytes.subarray(at, at + size)
  }

  skip(size: number): number {
    const at = this.at
    if (size > 0) {
      if (size > this.next - at) throw invalid(`A field of ${size} bytes where the record has ${this.next - at}.`)
      this.at = at + size
    } else if (size < -1) {
      throw invalid(`A field of ${size} bytes.`)
    }
    return at
  }

  varint(): number {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw invalid("A record cut short.")
      raw |= (byte & 127) << shift
      // Of the fifth byte there is room for four bits.
      if (shift === 28 && byte > 15) throw invalid("A varint of more than 32 bits.")
      if (byte < 128) return (raw >>> 1) ^ -(raw & 1)
    }
    throw invalid("A varint of more than 32 bits.")
  }

  varlong(): bigint {
    // Six bytes hold 42 bits, exact in a number: times within a batch hardly ever need more.
    let raw = 0
    let scale = 1
    for (let i = 0; i < 6; i++) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw invalid("A record cut short.")
      raw += (byte & 127) * scale
      scale *= 128
      if (byte < 128) return BigInt(raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2)
    }
    let long = BigInt(raw)
    for (let shift = 42n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw invalid("A record cut short.")
      long |= BigInt(byte & 127) << shift
      // Of the tenth byte there is room for one bit.
      if (shift === 63n && byte > 1) throw invalid("A varlong of more than 64 bits.")
      if (byte < 128) {
        return (long >> 1n) ^ -(long & 1n)
      }
    }
    throw invalid("A varlong of more than 64 bits.")
  }
}

/** A batch's records as they lie in it, and what they are compressed by. */
export interface Sealed {
  readonly codec: number
  readonly data: Uint8Array
}

/** CorruptMessage for what is no batch of magic 2, InvalidRecord for a count that is none. */
export const sealedRecords = (batch: Uint8Array): Sealed | KafkaError => {
  if (batch.byteLength < H.RECORD_BATCH_OVERHEAD || H.magic(batch) !== 2) {
    return new CorruptMessage({ message: "Not a record batch of magic 2." })
  }
  const count = H.recordCount(batch)
  if (count < 0) return invalid(`A record batch of ${count} records.`)
  const data = batch.subarray(H.RECORD_BATCH_OVERHEAD)
  // Compaction may leave a batch without records, and then nothing was compressed.
  return { codec: count === 0 && data.byteLength === 0 ? UNCOMPRESSED : H.compressionCodec(batch), data }
}

/** The records' bytes, decompressed; throws what is wrong with them. */
export const open = (batch: Uint8Array, limits: DecodeLimits): RecordCursor => {
  const sealed = sealedRecords(batch)
  if (isKafkaError(sealed)) throw sealed
  const bytes = decompress(sealed.codec, sealed.data, limits)
  if (!(bytes instanceof Uint8Array)) throw bytes
  return new RecordCursor(bytes, H.recordCount(batch))
}

/** What `run` answers, or the KafkaError that it throws. */
export const attempt = <A>(run: () => A): A | KafkaError => {
  try {
    return run()
  } catch (error) {
    if (isKafkaError(error)) return error
    throw error
  }
}

/** The same of work in steps. */
export function* attemptSteps<A>(steps: Steps<A>): Steps<A | KafkaError> {
  try {
    return yield* steps
  } catch (error) {
    if (isKafkaError(error)) return error
    throw error
  }
}

/** Bytes between two yields of a walk over records. */
export const STRIDE = 64 * 1024

/** The time of the record that the cursor is at, in milliseconds since 1970. */
export const timestampOf = (batch: Uint8Array, base: bigint, cursor: RecordCursor): bigint =>
  H.timestampType(batch) === "LogAppendTime" ? H.maxTimestamp(batch) : BigInt.asIntN(64, base + cursor.timestampDelta)

/** The offset of the record that the cursor is at. */
export const offsetOf = (base: bigint, cursor: RecordCursor): bigint =>
  BigInt.asIntN(64, base + BigInt(cursor.offsetDelta))
