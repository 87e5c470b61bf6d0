import { protocolError } from "../ProtocolError.ts"
import { MAX_STRING, type UnknownTaggedField } from "./Reader.ts"
import { isUuid, writeUuid, ZERO_UUID } from "./Uuid.ts"

/** Byte arrays at least this long are not copied: they become a chunk of their own in the socket's vectored write. */
export const BY_REFERENCE = 1024
/** Bytes of one slab. A new one is begun when it is full; the old one lives as long as chunks cut from it. */
const SLAB = 16384

interface NativeWrites {
  utf8Write(text: string, at: number, length: number): number
}

const NOTHING = Buffer.alloc(0)

/**
 * Collects an encoding as a list of chunks. One writer serves a connection for its whole life: `finish` hands the chunks
 * out and goes on behind them in the same slab, so bytes handed out are never overwritten.
 *
 * Methods bear the names of wire types, as those of `Reader`. Numbers have to be within their type: codecs see to that.
 * A text or UUID that cannot be written is a `ProtocolError`, after which the writer has to be `reset`.
 */
export class Writer {
  /** The slab being written to; `position` is where the next byte goes. Both change when a slab is full. */
  buffer: Buffer = NOTHING
  /** The same bytes, for numbers. */
  view: DataView = new DataView(NOTHING.buffer, 0, 0)
  position = 0
  /** Where the bytes not yet cut into a chunk begin. */
  private begin = 0
  private capacity = 0
  private chunks: Array<Uint8Array> = []
  private cut = 0
  private inner: Writer | null = null

  /** Bytes written since the last `finish` or `reset`. */
  get length(): number {
    return this.cut + this.position - this.begin
  }

  /** Makes room for `size` bytes in one piece, moves over them and answers where they begin in `buffer`. */
  take(size: number): number {
    if (this.position + size > this.capacity) this.nextSlab(size)
    const at = this.position
    this.position = at + size
    return at
  }

  private nextSlab(size: number): void {
    this.cutChunk()
    this.capacity = Math.max(SLAB, size)
    this.buffer = Buffer.allocUnsafeSlow(this.capacity)
    this.view = new DataView(this.buffer.buffer, 0, this.capacity)
    this.position = 0
    this.begin = 0
  }

  private cutChunk(): void {
    if (this.position > this.begin) {
      this.chunks.push(this.buffer.subarray(this.begin, this.position))
      this.cut += this.position - this.begin
      this.begin = this.position
    }
  }

  /** The chunks written since the last call; the writer is then empty and may be used again at once. */
  finish(): Array<Uint8Array> {
    this.cutChunk()
    const chunks = this.chunks
    this.chunks = []
    this.cut = 0
    return chunks
  }

  /** Forgets what was written since the last `finish`. */
  reset(): void {
    if (this.chunks.length === 0) this.position = this.begin
    else this.begin = this.position
    this.chunks = []
    this.cut = 0
    this.inner?.reset()
  }

  int8(value: number): void {
    const at = this.take(1)
    this.buffer[at] = value
  }
  int16(value: number): void {
    const at = this.take(2)
    this.view.setInt16(at, value)
  }
  int32(value: number): void {
    const at = this.take(4)
    this.view.setInt32(at, value)
  }

  /** An unsigned varint of a number from 0 to 2^32-1. */
  uvarint(value: number): void {
    if (value < 128) {
      const at = this.take(1)
      this.buffer[at] = value
      return
    }
    let at = this.take(value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5)
    const buffer = this.buffer
    let rest = value
    while (rest > 127) {
      buffer[at++] = (rest & 127) | 128
      rest >>>= 7
    }
    buffer[at] = rest
  }

  /** Sixteen bytes of Kafka's text, at `at`, where `take` made room. */
  uuidAt(at: number, text: string): void {
    if (text === ZERO_UUID) {
      this.buffer.fill(0, at, at + 16)
      return
    }
    if (!isUuid(text)) throw protocolError("outOfRange", "not a UUID in Kafka's base64url text")
    writeUuid(this.buffer, at, text)
  }

  string(text: string): void {
    const size = text.length
    if (size < 32) {
      // The longest UTF-8 of so few characters fits in one byte of a varint and, in any case, in two of an int16.
      if (this.position + 2 + size > this.capacity) this.nextSlab(2 + size)
      const at = this.position + 2
      if (this.ascii(text, size, at)) {
        this.view.setInt16(at - 2, size)
        this.position = at + size
        return
      }
    }
    this.long(text, false)
  }
  compactString(text: string): void {
    const size = text.length
    if (size < 32) {
      if (this.position + 1 + size > this.capacity) this.nextSlab(1 + size)
      const at = this.position + 1
      if (this.ascii(text, size, at)) {
        this.buffer[at - 1] = size + 1
        this.position = at + size
        return
      }
    }
    this.long(text, true)
  }
  private ascii(text: string, size: number, at: number): boolean {
    const buffer = this.buffer
    for (let i = 0; i < size; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return false
      buffer[at + i] = code
    }
    return true
  }
  private long(text: string, compact: boolean): void {
    const size = Buffer.byteLength(text)
    if (size > MAX_STRING) throw protocolError("tooLong", `a string of ${size} bytes; the limit is ${MAX_STRING}`)
    if (compact) this.uvarint(size + 1)
    else this.int16(size)
    const at = this.take(size)
    ;(this.buffer as unknown as NativeWrites).utf8Write(text, at, size)
  }
  nullableString(text: string | null): void {
    if (text === null) this.int16(-1)
    else this.string(text)
  }
  compactNullableString(text: string | null): void {
    if (text === null) this.uvarint(0)
    else this.compactString(text)
  }

  /** Bytes without a length: by reference when they are many. */
  raw(bytes: Uint8Array): void {
    const size = bytes.length
    if (size >= BY_REFERENCE) {
      this.cutChunk()
      this.chunks.push(bytes)
      this.cut += size
      return
    }
    const at = this.take(size)
    this.buffer.set(bytes, at)
  }
  bytes(bytes: Uint8Array): void {
    this.int32(bytes.length)
    this.raw(bytes)
  }
  compactBytes(bytes: Uint8Array): void {
    this.uvarint(bytes.length + 1)
    this.raw(bytes)
  }
  nullableBytes(bytes: Uint8Array | null): void {
    if (bytes === null) this.int32(-1)
    else this.bytes(bytes)
  }
  compactNullableBytes(bytes: Uint8Array | null): void {
    if (bytes === null) this.uvarint(0)
    else this.compactBytes(bytes)
  }

  /** Several byte arrays behind one length: how a Fetch answer carries its batches. */
  recordChunks(chunks: ReadonlyArray<Uint8Array>, compact: boolean): void {
    let size = 0
    for (let i = 0; i < chunks.length; i++) size += chunks[i]!.length
    if (compact) this.uvarint(size + 1)
    else this.int32(size)
    for (let i = 0; i < chunks.length; i++) this.raw(chunks[i]!)
  }

  /** A second writer for values that follow their own size; `append` takes its content over. */
  nested(): Writer {
    this.inner ??= new Writer()
    return this.inner
  }
  /** One tagged field; its value was written to `nested()`. */
  appendTagged(tag: number): void {
    const inner = this.inner!
    this.uvarint(tag)
    this.uvarint(inner.length)
    for (const chunk of inner.finish()) this.raw(chunk)
  }
  /** The unknown tagged fields with a tag above `after` and not above `upTo`: they stand among the known ones. */
  unknownTags(fields: ReadonlyArray<UnknownTaggedField>, after: number, upTo: number): void {
    for (const { tag, data } of fields) {
      if (tag <= after || tag > upTo) continue
      this.uvarint(tag)
      this.uvarint(data.length)
      this.raw(data)
    }
  }
}
