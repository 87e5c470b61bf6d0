import { createRequire } from "node:module"
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib"
import { InvalidRecord, UnsupportedCompressionType } from "../KafkaError.ts"
import type { KafkaError } from "../KafkaError.ts"
import { compressLz4, decompressLz4, Lz4Error } from "./Lz4.ts"
import { GZIP, LZ4, NO_COMPRESSION, SNAPPY, ZSTD } from "./RecordBatch.ts"

/**
 * Codecs of record batches, all of them synchronous (in simulation nothing may come from the real event loop). What a
 * batch expands to is bounded by the caller, and by 100 times its size, whichever is less; a size in a header is never
 * trusted. Native parts are loaded when first used.
 */
export interface DecompressionLimits {
  readonly maxDecompressedBytes: number
  /** Accept the wrong header checksum of lz4 in magic 0. */
  readonly lenientLz4?: boolean
}

/** A few bytes may expand by more than a large batch may. */
const LEAST_LIMIT = 64 * 1024
const MAX_RATIO = 100

interface Snappy {
  readonly compressSync: (data: Uint8Array) => Buffer
  readonly uncompressSync: (data: Uint8Array) => string | Buffer
}
let snappyLibrary: Snappy | undefined
const snappy = (): Snappy => (snappyLibrary ??= createRequire(import.meta.url)("snappy") as Snappy)

/** The stream format of xerial's Java library, which Kafka's clients write: this, two versions, then length and block. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER = 16
const XERIAL_BLOCK = 32 * 1024
/** A block of snappy expands to at most 64 bytes for 3. */
const SNAPPY_RATIO = 22

class TooLarge extends Error {}
class Broken extends Error {}

/** The length a snappy block announces, if its bytes can hold as much. */
const snappyLength = (block: Uint8Array, left: number): number => {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = block[i]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) {
      if (length > left) throw new TooLarge()
      if (length > block.length * SNAPPY_RATIO + 64) throw new Broken("a length its bytes cannot hold")
      return length
    }
  }
  throw new Broken("no length")
}

const snappyBlock = (block: Uint8Array, left: number): Buffer => {
  snappyLength(block, left)
  const data = snappy().uncompressSync(block)
  return typeof data === "string" ? Buffer.from(data) : data
}

const decompressSnappy = (data: Uint8Array, max: number): Uint8Array => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  if (bytes.length < XERIAL_HEADER || !bytes.subarray(0, XERIAL.length).equals(XERIAL)) return snappyBlock(bytes, max)
  const parts: Array<Buffer> = []
  let length = 0
  let at = XERIAL_HEADER
  while (at < bytes.length) {
    if (bytes.length - at < 4) throw new Broken("a block's length is cut off")
    const size = bytes.readInt32BE(at)
    at += 4
    if (size < 0 || size > bytes.length - at) throw new Broken("a block is cut off")
    const part = snappyBlock(bytes.subarray(at, at + size), max - length)
    at += size
    length += part.length
    parts.push(part)
  }
  return Buffer.concat(parts, length)
}

const compressSnappy = (data: Uint8Array): Uint8Array => {
  const header = Buffer.alloc(XERIAL_HEADER)
  XERIAL.copy(header)
  header.writeInt32BE(1, 8)
  header.writeInt32BE(1, 12)
  const parts: Array<Buffer> = [header]
  for (let at = 0; at < data.length; at += XERIAL_BLOCK) {
    const block = snappy().compressSync(data.subarray(at, at + XERIAL_BLOCK))
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    parts.push(size, block)
  }
  return Buffer.concat(parts)
}

/** What the bytes expand to. `InvalidRecord`: broken, or beyond the limit. `UnsupportedCompressionType`: no such codec. */
export const decompress = (codec: number, data: Uint8Array, limits: DecompressionLimits): Uint8Array | KafkaError => {
  if (codec === NO_COMPRESSION) return data
  const max = Math.min(limits.maxDecompressedBytes, Math.max(LEAST_LIMIT, data.byteLength * MAX_RATIO))
  try {
    switch (codec) {
      case GZIP:
        return gunzipSync(data, { maxOutputLength: max })
      case SNAPPY:
        return decompressSnappy(data, max)
      case LZ4:
        return decompressLz4(data, max, limits.lenientLz4 ?? false)
      case ZSTD:
        return zstdDecompressSync(data, { maxOutputLength: max })
      default:
        return new UnsupportedCompressionType({ message: `There is no compression type ${codec}.` })
    }
  } catch (cause) {
    const why = cause instanceof Lz4Error || cause instanceof Broken ? cause.message : "broken or beyond the limit"
    return new InvalidRecord({ message: `Records cannot be decompressed (limit ${max} bytes): ${why}.`, cause })
  }
}

export const compress = (codec: number, data: Uint8Array): Uint8Array => {
  switch (codec) {
    case GZIP:
      return gzipSync(data)
    case SNAPPY:
      return compressSnappy(data)
    case LZ4:
      return compressLz4(data)
    case ZSTD:
      return zstdCompressSync(data)
    default:
      return data
  }
}
