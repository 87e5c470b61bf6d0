import { createRequire } from "node:module"
import { CorruptMessage, MessageTooLarge } from "../KafkaError.ts"
import { finish, type Steps } from "./Steps.ts"

/**
 * LZ4 frames. They are taken apart here, as the native decoder has no ceiling: a frame's blocks are decoded one by one,
 * none larger than the frame's block size, straight into one growing buffer, which is also the window of dependent blocks.
 */

const FRAME_MAGIC = 0x184d2204
const BLOCK_MAX = [0, 0, 0, 0, 1 << 16, 1 << 18, 1 << 20, 1 << 22]
/** A block's length has this bit if the block is stored as it is. */
const STORED = 0x80000000

const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f
const P5 = 0x165667b1

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))
const word = (b: Uint8Array, at: number): number => b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)
const round = (acc: number, input: number): number => Math.imul(rotate((acc + Math.imul(input, P2)) | 0, 13), P1)

/** xxHash32 with seed 0, unsigned: the checksum of lz4 frames. */
const xxHash32 = (bytes: Uint8Array): number => {
  const length = bytes.byteLength
  let at = 0
  let h: number
  if (length >= 16) {
    let a = (P1 + P2) | 0
    let b = P2 | 0
    let c = 0
    let d = -P1 | 0
    for (; at <= length - 16; at += 16) {
      a = round(a, word(bytes, at))
      b = round(b, word(bytes, at + 4))
      c = round(c, word(bytes, at + 8))
      d = round(d, word(bytes, at + 12))
    }
    h = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
  } else {
    h = P5 | 0
  }
  h = (h + length) | 0
  for (; at + 4 <= length; at += 4) h = Math.imul(rotate((h + Math.imul(word(bytes, at), P3)) | 0, 17), P4)
  for (; at < length; at++) h = Math.imul(rotate((h + Math.imul(bytes[at]!, P5)) | 0, 11), P1)
  h = Math.imul(h ^ (h >>> 15), P2)
  h = Math.imul(h ^ (h >>> 13), P3)
  return (h ^ (h >>> 16)) >>> 0
}

const corrupt = (what: string): CorruptMessage => new CorruptMessage({ message: `An lz4 frame ${what}.` })

const load = createRequire(import.meta.url)

/** One frame of independent blocks. `oldChecksum`: over the magic number too, as Kafka's magic 0 had it (KIP-57). */
export const compressLz4Frame = (data: Uint8Array, oldChecksum: boolean): Uint8Array => {
  const { compressFrameSync } = load("lz4-napi") as typeof import("lz4-napi")
  const frame = compressFrameSync(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  return oldChecksum ? withOldChecksum(frame) : frame
}

/** A frame of ours with the checksum that Kafka's magic 0 had (KIP-57). In place. */
export const withOldChecksum = (frame: Uint8Array): Uint8Array => {
  const at = descriptorEnd(frame)
  frame[at] = (xxHash32(frame.subarray(0, at)) >>> 8) & 255
  return frame
}

/** Where the descriptor's checksum byte is: after magic, two flag bytes, and the sizes that the flags announce. */
const descriptorEnd = (frame: Uint8Array): number => 6 + (frame[4]! & 0x08 ? 8 : 0) + (frame[4]! & 0x01 ? 4 : 0)

/**
 * All frames of `data`, one after the other, in at most `ceiling` bytes. `oldChecksum`: the descriptor's checksum is not
 * looked at, as both kinds are met in magic 0. The checksum of a block is checked, that of the content is not, as in Kafka.
 */
export const decompressLz4Frame = (data: Uint8Array, ceiling: number, oldChecksum: boolean): Uint8Array =>
  finish(lz4FrameSteps(data, ceiling, oldChecksum))

/** The same in steps, one a block. */
export function* lz4FrameSteps(data: Uint8Array, ceiling: number, oldChecksum: boolean): Steps {
  const out = new Output(ceiling)
  let frame = -1
  let frameStart = 0
  for (const block of blocksOf(data, oldChecksum)) {
    const { end, start } = block
    if (block.frame !== frame) {
      frame = block.frame
      frameStart = out.length
    }
    if (block.hasChecksum && xxHash32(data.subarray(start, end)) !== word(data, end) >>> 0) {
      throw corrupt("with a damaged block")
    }
    if (block.stored) out.append(data, start, end)
    else decodeBlock(data, start, end, out, block.independent ? out.length : frameStart, block.most)
    yield out.length
  }
  return out.bytes.subarray(0, out.length)
}

/**
 * Bytes that a native decoder, which has no ceiling, could make of `data` at most; undefined if only our own decoder may
 * read it: frames behind the first one. Exact if a look at the blocks' sizes alone would be beyond the ceiling.
 */
export function* lz4BoundSteps(data: Uint8Array, ceiling: number): Steps<number | undefined> {
  let bound = 0
  for (const { end, frame, most, start, stored } of blocksOf(data, false)) {
    if (frame > 0) return undefined
    bound += stored ? end - start : Math.min(most, (end - start) * LZ4_RATIO)
    yield end
  }
  if (bound <= ceiling) return bound
  bound = 0
  for (const { end, most, start, stored } of blocksOf(data, false)) {
    bound += stored ? end - start : blockSize(data, start, end, most)
    if (bound > ceiling) return bound
    yield data.byteLength + end
  }
  return bound
}

/** Each further byte of a length stands for 255. */
const LZ4_RATIO = 255

interface Block {
  readonly start: number
  readonly end: number
  /** The most that it may become. */
  readonly most: number
  readonly stored: boolean
  /** Its checksum is the four bytes at its end. */
  readonly hasChecksum: boolean
  readonly independent: boolean
  /** Number of the frame that it is in. */
  readonly frame: number
}

/** The blocks of all frames. */
function* blocksOf(data: Uint8Array, oldChecksum: boolean): Generator<Block> {
  const end = data.byteLength
  let at = 0
  let frame = 0
  do {
    if (end - at < 7 || word(data, at) !== FRAME_MAGIC) throw corrupt("without its magic number")
    const flags = data[at + 4]!
    if (flags >>> 6 !== 1 || flags & 0x02) throw corrupt("of an unknown version")
    if (flags & 0x01) throw corrupt("that needs a dictionary")
    const most = BLOCK_MAX[(data[at + 5]! >>> 4) & 7]!
    if (most === 0 || data[at + 5]! & 0x8f) throw corrupt("with a wrong block size")
    const start = at
    at += descriptorEnd(data.subarray(at))
    if (at >= end) throw corrupt("cut short")
    if (!oldChecksum && data[at] !== ((xxHash32(data.subarray(start + 4, at)) >>> 8) & 255)) {
      throw corrupt("whose header has a wrong checksum")
    }
    at++
    const hasChecksum = (flags & 0x10) !== 0
    const independent = (flags & 0x20) !== 0
    for (;;) {
      if (end - at < 4) throw corrupt("cut short")
      const announced = word(data, at) >>> 0
      at += 4
      if (announced === 0) break
      const stored = announced >= STORED
      const size = stored ? announced - STORED : announced
      if (size > most || size > end - at) throw corrupt("with a block too long")
      const next = at + size
      if (hasChecksum && end - next < 4) throw corrupt("cut short")
      yield { start: at, end: next, most, stored, hasChecksum, independent, frame }
      at = next + (hasChecksum ? 4 : 0)
    }
    if (flags & 0x04) at += 4
    if (at > end) throw corrupt("cut short")
    frame++
  } while (at < end)
}

/** What a block becomes, by its lengths alone; more than `most` if it would go beyond. */
const blockSize = (data: Uint8Array, start: number, end: number, most: number): number => {
  let size = 0
  for (let at = start; at < end && size <= most;) {
    const token = data[at++]!
    let literals = token >>> 4
    if (literals === 15) {
      for (let more = 255; more === 255 && at < end;) literals += more = data[at++]!
    }
    at += literals + 2
    size += literals
    if (at >= end + 2) break
    let match = (token & 15) + 4
    if (match === 19) {
      for (let more = 255; more === 255 && at < end;) match += more = data[at++]!
    }
    size += match
  }
  return size
}

/** Output that grows as it is filled, by doubling, up to a ceiling. */
class Output {
  bytes: Uint8Array = new Uint8Array(0)
  length = 0
  readonly ceiling: number

  constructor(ceiling: number) {
    this.ceiling = ceiling
  }

  reserve(size: number): void {
    const needed = this.length + size
    if (needed <= this.bytes.byteLength) return
    if (needed > this.ceiling) {
      throw new MessageTooLarge({
        message: `A record batch becomes more than ${this.ceiling} bytes when decompressed.`
      })
    }
    const grown = new Uint8Array(Math.min(this.ceiling, Math.max(needed, 2 * this.bytes.byteLength, 4096)))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  append(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start)
    this.bytes.set(source.subarray(start, end), this.length)
    this.length += end - start
  }
}

/** Decodes one block behind what `out` holds; matches may reach back to `window`. */
const decodeBlock = (
  data: Uint8Array,
  start: number,
  end: number,
  out: Output,
  window: number,
  blockMax: number
): void => {
  const limit = out.length + blockMax
  let at = start
  for (;;) {
    if (at >= end) throw corrupt("whose block ends in the middle")
    const token = data[at++]!
    let literals = token >>> 4
    if (literals === 15) {
      let more: number
      do {
        if (at >= end) throw corrupt("whose block ends in the middle")
        more = data[at++]!
        literals += more
      } while (more === 255)
    }
    if (literals > end - at || literals > limit - out.length) throw corrupt("with a wrong run of literals")
    out.reserve(literals)
    if (literals > 24) {
      out.append(data, at, at + literals)
    } else {
      const bytes = out.bytes
      const to = out.length
      for (let i = 0; i < literals; i++) bytes[to + i] = data[at + i]!
      out.length = to + literals
    }
    at += literals
    // The last sequence is literals only.
    if (at === end) return
    if (end - at < 2) throw corrupt("whose block ends in the middle")
    const distance = data[at]! | (data[at + 1]! << 8)
    at += 2
    let size = (token & 15) + 4
    if (size === 19) {
      let more: number
      do {
        if (at >= end) throw corrupt("whose block ends in the middle")
        more = data[at++]!
        size += more
      } while (more === 255)
    }
    if (distance === 0 || distance > out.length - window) throw corrupt("with a match before its start")
    if (size > limit - out.length) throw corrupt("with a block longer than announced")
    out.reserve(size)
    const bytes = out.bytes
    const to = out.length
    const from = to - distance
    if (distance >= size && size > 32) bytes.copyWithin(to, from, from + size)
    else for (let i = 0; i < size; i++) bytes[to + i] = bytes[from + i]!
    out.length = to + size
  }
}
