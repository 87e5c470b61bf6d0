import { type ProtocolError, protocolError } from "../ProtocolError.ts"
import { ZERO_UUID } from "./Uuid.ts"

/** A tagged field that the declaration does not know: kept as it came, and written back. */
export interface UnknownTaggedField {
  readonly tag: number
  readonly data: Uint8Array
}

/** How many unknown tagged fields one frame may carry. */
export const MAX_UNKNOWN_TAGS = 1000
/**
 * How many elements all arrays of a request may have together: an element of a few bytes becomes an object of a hundred
 * and more. A request that names each of 100,000 partitions has 300,000 at most.
 */
export const MAX_ELEMENTS = 500_000
/** Kafka's limit of a string, in bytes of UTF-8. */
export const MAX_STRING = 0x7fff

/** Arrays longer than this grow as their elements arrive: a count alone never allocates much. */
const PREALLOCATED = 1024

/** Texts up to this length are put together here: longer ones would become ropes. */
const SHORT = 12

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Node's decoders behind `toString`, without the look-up of the encoding's name; missing elsewhere. */
interface Slices {
  utf8Slice(start: number, end: number): string
  base64urlSlice(start: number, end: number): string
}

const truncated = (needed: number, left: number): ProtocolError =>
  protocolError("truncated", `needs ${needed} bytes, ${left} are left`)

/**
 * A cursor over one frame. It never reads beyond `end`; every method throws `ProtocolError` for bytes that are not what
 * was asked for. `bytes` and `records` are views of the frame, so they live as long as its buffer is left alone.
 *
 * Methods bear the names of wire types. `compact` is the encoding of flexible versions (KIP-482): the length is an unsigned
 * varint and greater by one. Without `nullable` a null is an error.
 */
export class Reader {
  /** The frame. Positions below are offsets into it. */
  readonly buffer: Buffer
  /** The same bytes, for numbers. */
  readonly view: DataView
  /** The next byte to read. */
  position: number
  /** Behind the last byte that may be read. */
  end: number
  /** How many tagged fields were kept that are not declared. */
  unknownTags = 0
  /** How many elements all arrays may have together. */
  readonly maxElements: number
  private elementsLeft: number

  /** `position`: the first byte to read. `maxElements`: without it arrays are bounded by the frame alone. */
  constructor(frame: Uint8Array, position = 0, maxElements = Number.POSITIVE_INFINITY) {
    this.buffer = Buffer.isBuffer(frame) ? frame : Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    this.view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
    this.position = position
    this.end = frame.byteLength
    this.maxElements = maxElements
    this.elementsLeft = maxElements
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.end - this.position
  }

  /** Moves over `size` bytes and answers where they begin. */
  take(size: number): number {
    const at = this.position
    const next = at + size
    if (next > this.end) throw truncated(size, this.end - at)
    this.position = next
    return at
  }

  int8(): number {
    return this.view.getInt8(this.take(1))
  }
  int16(): number {
    return this.view.getInt16(this.take(2))
  }
  int32(): number {
    return this.view.getInt32(this.take(4))
  }

  /** An unsigned varint of at most five bytes and 32 bits. Most are lengths and counts of one byte. */
  uvarint(): number {
    const at = this.position
    if (at < this.end) {
      const first = this.buffer[at]!
      if (first < 128) {
        this.position = at + 1
        return first
      }
    }
    return this.longUvarint()
  }
  private longUvarint(): number {
    const buffer = this.buffer
    const end = this.end
    let at = this.position
    if (at >= end) throw truncated(1, 0)
    const first = buffer[at++]!
    let value = first & 127
    for (let shift = 7; shift < 28; shift += 7) {
      if (at >= end) throw truncated(1, 0)
      const byte = buffer[at++]!
      value |= (byte & 127) << shift
      if (byte < 128) {
        this.position = at
        return value
      }
    }
    if (at >= end) throw truncated(1, 0)
    const last = buffer[at++]!
    if (last > 15) throw protocolError("badVarint", "unsigned varint of more than 32 bits")
    this.position = at
    return (value | (last << 28)) >>> 0
  }

  /** The sixteen bytes at `at` as Kafka's text. */
  uuidAt(at: number): string {
    const view = this.view
    if (view.getInt32(at) === 0 && view.getInt32(at + 4) === 0 && view.getFloat64(at + 8) === 0) {
      if (view.getInt32(at + 8) === 0) return ZERO_UUID
    }
    return (this.buffer as unknown as Slices).base64urlSlice(at, at + 16)
  }

  /** `size` bytes as text. */
  text(size: number): string {
    if (size > MAX_STRING) throw protocolError("badLength", `a string of ${size} bytes; the limit is ${MAX_STRING}`)
    const at = this.span(size)
    if (size <= SHORT) {
      const short = this.shortText(at, at + size)
      if (short !== null) return short
    }
    const text = (this.buffer as unknown as Slices).utf8Slice(at, at + size)
    if (text.includes("\ufffd")) {
      // The replacement character is either really there or hides bytes that are not UTF-8.
      try {
        return strictUtf8.decode(this.buffer.subarray(at, at + size))
      } catch {
        throw protocolError("notUtf8", "a string whose bytes are not UTF-8")
      }
    }
    return text
  }

  /** Text of a few ASCII characters without the call into native code; null when it is not ASCII. */
  private shortText(from: number, to: number): string | null {
    const buffer = this.buffer
    let text = ""
    let at = from
    for (; at + 4 <= to; at += 4) {
      const a = buffer[at]!
      const b = buffer[at + 1]!
      const c = buffer[at + 2]!
      const d = buffer[at + 3]!
      if ((a | b | c | d) > 127) return null
      text += String.fromCharCode(a, b, c, d)
    }
    for (; at < to; at++) {
      const a = buffer[at]!
      if (a > 127) return null
      text += String.fromCharCode(a)
    }
    return text
  }

  /** As `take`, for a length that the frame itself states. */
  span(size: number): number {
    const at = this.position
    const next = at + size
    if (next > this.end) throw protocolError("lengthBeyondFrame", `length ${size}, ${this.end - at} bytes are left`)
    this.position = next
    return at
  }

  string(): string {
    const size = this.int16()
    if (size < 0) throw protocolError("unexpectedNull", "null in a field that cannot be null")
    return this.text(size)
  }
  compactString(): string {
    const size = this.uvarint() - 1
    if (size < 0) throw protocolError("unexpectedNull", "null in a field that cannot be null")
    return this.text(size)
  }
  nullableString(): string | null {
    const size = this.int16()
    return size < 0 ? null : this.text(size)
  }
  compactNullableString(): string | null {
    const size = this.uvarint() - 1
    return size < 0 ? null : this.text(size)
  }

  /** `size` bytes, as a view. */
  slice(size: number): Uint8Array {
    const at = this.span(size)
    return this.buffer.subarray(at, at + size)
  }
  bytes(): Uint8Array {
    const size = this.int32()
    if (size < 0) throw protocolError("unexpectedNull", "null in a field that cannot be null")
    return this.slice(size)
  }
  compactBytes(): Uint8Array {
    const size = this.uvarint() - 1
    if (size < 0) throw protocolError("unexpectedNull", "null in a field that cannot be null")
    return this.slice(size)
  }
  nullableBytes(): Uint8Array | null {
    const size = this.int32()
    return size < 0 ? null : this.slice(size)
  }
  compactNullableBytes(): Uint8Array | null {
    const size = this.uvarint() - 1
    return size < 0 ? null : this.slice(size)
  }

  /** The count of an array, -1 for null, checked against what is left at `least` bytes an element. */
  count(least: number): number {
    const count = this.view.getInt32(this.take(4))
    return count > 0 ? this.checkCount(count, least) : count < 0 ? -1 : 0
  }
  compactCount(least: number): number {
    const count = this.uvarint() - 1
    return count > 0 ? this.checkCount(count, least) : count
  }
  private checkCount(count: number, least: number): number {
    if (count * least > this.end - this.position) {
      const left = this.end - this.position
      throw protocolError("lengthBeyondFrame", `${count} elements of at least ${least} bytes, ${left} bytes are left`)
    }
    this.elementsLeft -= count
    if (this.elementsLeft < 0) {
      throw protocolError("tooManyElements", `with ${count} elements more there are above ${this.maxElements}`)
    }
    return count
  }
  /** Numbers, their count checked before, for the many arrays of partitions and brokers. */
  int32s(count: number): Array<number> {
    const view = this.view
    const at = this.position
    const values = this.array(count)
    for (let i = 0; i < count; i++) values[i] = view.getInt32(at + 4 * i)
    this.position = at + 4 * count
    return values
  }
  /** An empty array for so many elements. */
  array(count: number): Array<any> {
    return count <= PREALLOCATED ? new Array(count) : []
  }
  /** A count that is not that of null. */
  nonNull(count: number): number {
    if (count < 0) throw protocolError("unexpectedNull", "null in a field that cannot be null")
    return count
  }

  /** The marker before a struct that may be null: false for null. */
  present(): boolean {
    return this.int8() >= 0
  }

  /** Confines reading to one tagged field's value; answers the outer end, for `leave`. */
  enter(): number {
    const size = this.uvarint()
    const outer = this.end
    if (size > outer - this.position) {
      throw protocolError("lengthBeyondFrame", `tagged field of ${size} bytes, ${outer - this.position} are left`)
    }
    this.end = this.position + size
    return outer
  }
  /** Ends a tagged field's value, all of which has to have been read. */
  leave(outer: number): void {
    if (this.position !== this.end) {
      throw protocolError("badTag", `${this.end - this.position} bytes left over in a tagged field`)
    }
    this.end = outer
  }
  /** Between `enter` and `leave`: keeps a tagged field that is not declared. */
  keepUnknown(kept: Array<UnknownTaggedField> | undefined, tag: number): Array<UnknownTaggedField> {
    if (++this.unknownTags > MAX_UNKNOWN_TAGS) {
      throw protocolError("tooManyTags", `more than ${MAX_UNKNOWN_TAGS} unknown tagged fields`)
    }
    const data = this.buffer.subarray(this.position, this.end)
    this.position = this.end
    if (kept === undefined) return [{ tag, data }]
    kept.push({ tag, data })
    return kept
  }
  /** The tagged fields of a struct that declares none. */
  undeclaredTags(): Array<UnknownTaggedField> | undefined {
    if (this.position < this.end && this.buffer[this.position] === 0) {
      this.position++
      return undefined
    }
    let kept: Array<UnknownTaggedField> | undefined
    for (let left = this.uvarint(); left > 0; left--) {
      const tag = this.uvarint()
      const outer = this.enter()
      kept = this.keepUnknown(kept, tag)
      this.leave(outer)
    }
    return kept
  }
}
