import { createRequire } from "node:module"
import { xxHash32 } from "./XxHash32.ts"

/**
 * lz4 frames as Kafka's clients write them. Blocks are decoded here and not by a native library, which would have to
 * trust the sizes that a frame announces: this one stops at the caller's limit, whatever the bytes say.
 */
const MAGIC = 0x184d2204
const INCOMPRESSIBLE = 0x80000000
const BLOCK_BYTES = 64 * 1024

/** Broken or beyond the limit. */
export class Lz4Error extends Error {}

const uint32 = (b: Uint8Array, at: number): number =>
  (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0

/** Output that grows as it is filled, never beyond `max`. */
interface Output {
  bytes: Buffer
  length: number
  readonly max: number
}

const reserve = (out: Output, count: number): void => {
  const wanted = out.length + count
  if (wanted > out.max) throw new Lz4Error(`more than ${out.max} bytes`)
  if (wanted <= out.bytes.length) return
  const grown = Buffer.allocUnsafe(Math.min(out.max, Math.max(wanted, out.bytes.length * 2)))
  out.bytes.copy(grown, 0, 0, out.length)
  out.bytes = grown
}

/** Decodes one block behind what is in `out` already, which is its dictionary where blocks depend on each other. */
const decodeBlock = (block: Uint8Array, out: Output, earliest: number): void => {
  const end = block.length
  let at = 0
  const longLength = (start: number): number => {
    let length = start
    let byte: number
    do {
      if (at >= end) throw new Lz4Error("a length is cut off")
      byte = block[at++]!
      length += byte
    } while (byte === 0xff)
    return length
  }
  while (at < end) {
    const token = block[at++]!
    let literals = token >>> 4
    if (literals === 15) literals = longLength(15)
    if (literals > end - at) throw new Lz4Error("literals are cut off")
    reserve(out, literals)
    out.bytes.set(block.subarray(at, at + literals), out.length)
    out.length += literals
    at += literals
    if (at === end) return
    if (end - at < 2) throw new Lz4Error("an offset is cut off")
    const distance = block[at]! | (block[at + 1]! << 8)
    at += 2
    let count = token & 0x0f
    if (count === 15) count = longLength(15)
    count += 4
    let from = out.length - distance
    if (distance === 0 || from < earliest) throw new Lz4Error("an offset points before the data")
    reserve(out, count)
    const { bytes } = out
    let to = out.length
    if (distance >= count) bytes.copyWithin(to, from, from + count)
    else for (let i = 0; i < count; i++) bytes[to++] = bytes[from++]!
    out.length += count
  }
}

/** `lenientHeader`: magic 0 message sets carry a header checksum that Kafka once computed wrongly. */
export const decompressLz4 = (frame: Uint8Array, maxBytes: number, lenientHeader: boolean): Uint8Array => {
  if (frame.length < 7 || uint32(frame, 0) !== MAGIC) throw new Lz4Error("not an lz4 frame")
  const flags = frame[4]!
  if (flags >>> 6 !== 1) throw new Lz4Error("an unknown version of the lz4 frame")
  if ((flags & 0x01) !== 0) throw new Lz4Error("a dictionary is not supported")
  const independent = (flags & 0x20) !== 0
  const blockChecksum = (flags & 0x10) !== 0
  const headerEnd = 6 + ((flags & 0x08) !== 0 ? 8 : 0)
  const maxBlock = 1 << (8 + 2 * ((frame[5]! >>> 4) & 7))
  if (maxBlock < BLOCK_BYTES) throw new Lz4Error("an unknown block size")
  if (headerEnd >= frame.length) throw new Lz4Error("the header is cut off")
  if (!lenientHeader && ((xxHash32(frame.subarray(4, headerEnd)) >>> 8) & 0xff) !== frame[headerEnd]) {
    throw new Lz4Error("the header's checksum is wrong")
  }
  const out: Output = { bytes: Buffer.allocUnsafe(Math.min(maxBytes, frame.length * 3)), length: 0, max: maxBytes }
  let at = headerEnd + 1
  while (true) {
    if (frame.length - at < 4) throw new Lz4Error("the frame does not end")
    const word = uint32(frame, at)
    at += 4
    if (word === 0) break
    const size = (word & ~INCOMPRESSIBLE) >>> 0
    if (size > maxBlock || size > frame.length - at) throw new Lz4Error("a block is cut off")
    const block = frame.subarray(at, at + size)
    at += size
    if (blockChecksum) {
      if (frame.length - at < 4 || uint32(frame, at) !== xxHash32(block))
        throw new Lz4Error("a block's checksum is wrong")
      at += 4
    }
    const start = out.length
    if (word >= INCOMPRESSIBLE) {
      reserve(out, size)
      out.bytes.set(block, out.length)
      out.length += size
    } else {
      decodeBlock(block, out, independent ? start : 0)
    }
    if (out.length - start > maxBlock) throw new Lz4Error("a block is larger than its frame allows")
  }
  return out.bytes.subarray(0, out.length)
}

let native: ((data: Buffer) => Buffer) | undefined

/** One block by the native compressor, without the length it puts before it. */
const compressBlock = (block: Buffer): Buffer => {
  native ??= (createRequire(import.meta.url)("lz4-napi") as { compressSync: (data: Buffer) => Buffer }).compressSync
  return native(block).subarray(4)
}

/** A frame of independent blocks of 64 KiB, as the Java client writes it. */
export const compressLz4 = (data: Uint8Array): Uint8Array => {
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0])
  header[6] = (xxHash32(header.subarray(4, 6)) >>> 8) & 0xff
  const parts: Array<Uint8Array> = [header]
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    const view = data.subarray(at, at + BLOCK_BYTES)
    const block = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
    const packed = compressBlock(block)
    const size = Buffer.alloc(4)
    if (packed.length < block.length) {
      size.writeUInt32LE(packed.length)
      parts.push(size, packed)
    } else {
      size.writeUInt32LE((block.length | INCOMPRESSIBLE) >>> 0)
      parts.push(size, block)
    }
  }
  parts.push(Buffer.alloc(4))
  return Buffer.concat(parts)
}
