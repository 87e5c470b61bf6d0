/**
 * Codecs, as Kafka's clients use them. A codec is its number in the attributes of a batch or message, 0 to 4; 5 to 7 are not
 * given out. Source: KIP-98, KIP-110.
 */
import { createRequire } from "node:module"
import { CorruptMessage, type KafkaError, MessageTooLarge, UnsupportedCompressionType } from "../KafkaError.ts"
import { compressLz4Frame, decompressLz4Frame } from "./Lz4.ts"

/** The records as they are. */
export const UNCOMPRESSED = 0
/** RFC 1952. */
export const GZIP = 1
/** Raw blocks of snappy in the framing of xerial's snappy-java. */
export const SNAPPY = 2
/** The LZ4 frame format. */
export const LZ4 = 3
/** RFC 8878; since KIP-110. */
export const ZSTD = 4

/** Kafka's name of each codec, at its number. */
export const CODEC_NAMES = ["none", "gzip", "snappy", "lz4", "zstd"] as const
/** `none`, `gzip`, `snappy`, `lz4` or `zstd`. */
export type CodecName = (typeof CODEC_NAMES)[number]

/** What decompression may cost. */
export interface DecompressionLimits {
  /** Most bytes to come out. Also at most 100 times what goes in, if that is above 1 MiB. */
  readonly maxDecompressedBytes: number
}

/** Most bytes that `input` bytes may become. Below 1 MiB the ratio does not matter: small regular batches shrink a lot. */
export const ceilingOf = (input: number, limits: DecompressionLimits): number =>
  Math.min(limits.maxDecompressedBytes, Math.max(100 * input, 1 << 20))

/** Thrown inside `record/` if output would go beyond the ceiling. */
export const tooLarge = (ceiling: number): MessageTooLarge =>
  new MessageTooLarge({ message: `A record batch becomes more than ${ceiling} bytes when decompressed.` })

// Loaded at first use and synchronously: importing this file loads no native module, and most brokers never need one.
const load = createRequire(import.meta.url)
/** Node's zlib, loaded now. */
export const zlib = (): typeof import("node:zlib") => load("node:zlib")
/** The native snappy, loaded now. */
export const snappy = (): typeof import("snappy") => load("snappy")

/**
 * Compresses as Kafka's Java producer does: gzip, xerial's framing of snappy, lz4 frames of independent blocks, zstd.
 * `magic` 0 gives lz4 the frame checksum that only message sets of that age have. Codec 0 answers `data` itself. Throws
 * RangeError for a codec that is not there.
 *
 * @example
 * import { compress, decompress, ZSTD } from "@tusk/protocol/record/Compression"
 *
 * const packed = compress(ZSTD, Buffer.alloc(10_000))
 * packed.byteLength < 100 // true
 * decompress(ZSTD, packed, { maxDecompressedBytes: 1 << 20 }).byteLength // 10_000
 * decompress(ZSTD, packed, { maxDecompressedBytes: 5000 })._tag // "MessageTooLarge"
 */
export const compress = (codec: number, data: Uint8Array, magic = 2): Uint8Array => {
  switch (codec) {
    case UNCOMPRESSED:
      return data
    case GZIP:
      return zlib().gzipSync(data)
    case SNAPPY:
      return xerialOf(Array.from(xerialBlocks(data), (block) => snappy().compressSync(block)))
    case LZ4:
      return compressLz4Frame(data, magic === 0)
    case ZSTD:
      return zlib().zstdCompressSync(data)
    default:
      throw new RangeError(`There is no compression codec ${codec}`)
  }
}

/**
 * Decompresses within a ceiling that no size in the data can lift: output is either produced in pieces and stopped at the
 * ceiling (gzip, zstd, lz4 block by block), or its announced size is checked against it first (a block of snappy: its
 * native decoder never writes beyond that size). MessageTooLarge beyond the ceiling, CorruptMessage for broken data,
 * UnsupportedCompressionType for codec 5 to 7. Errors are answered, not thrown.
 */
export const decompress = (
  codec: number,
  data: Uint8Array,
  limits: DecompressionLimits,
  magic = 2
): Uint8Array | KafkaError => {
  const ceiling = ceilingOf(data.byteLength, limits)
  try {
    switch (codec) {
      case UNCOMPRESSED:
        return data
      case GZIP:
        return within(ceiling, zlib().gunzipSync(data, { maxOutputLength: Math.max(1, ceiling) }))
      case SNAPPY:
        return joined(Array.from(snappyBlocks(data, ceiling), uncompressBlockSync))
      case LZ4:
        return decompressLz4Frame(data, ceiling, magic === 0)
      case ZSTD:
        return decompressZstd(data, ceiling)
      default:
        return new UnsupportedCompressionType({ message: `There is no compression codec ${codec}.` })
    }
  } catch (error) {
    return whyNot(codec, error, ceiling)
  }
}

/** What was thrown by a decoder, as an error to answer. */
export const whyNot = (codec: number, error: unknown, ceiling: number): KafkaError => {
  if (error instanceof CorruptMessage || error instanceof MessageTooLarge) return error
  if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") return tooLarge(ceiling)
  return new CorruptMessage({ message: `${CODEC_NAMES[codec]} data that cannot be decompressed.`, cause: error })
}

/** zlib takes no limit of 0, so that the last byte is looked at here. */
export const within = (ceiling: number, output: Uint8Array): Uint8Array => {
  if (output.byteLength > ceiling) throw tooLarge(ceiling)
  return output
}

const decompressZstd = (data: Uint8Array, ceiling: number): Uint8Array =>
  within(ceiling, zlib().zstdDecompressSync(data, unzstdOptions(ceiling)))

/** For a zstd decoder that gives up beyond the ceiling. */
export const unzstdOptions = (ceiling: number) => {
  // A frame names its window, which the decoder allocates: 8 MiB is enough up to level 19, 128 MiB for any level. It is
  // touched only as far as data comes out.
  const params = { [zlib().constants.ZSTD_d_windowLogMax]: ceiling > 1 << 23 ? 27 : 23 }
  return { params, maxOutputLength: Math.max(1, ceiling) }
}

/** xerial's snappy-java: magic, version, oldest compatible version; then blocks, each after its length. */
const XERIAL = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1)
const XERIAL_MAGIC_BYTES = 8
const XERIAL_BLOCK = 32 * 1024

/** What each block of xerial's framing is to hold. */
export function* xerialBlocks(data: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < data.byteLength; at += XERIAL_BLOCK) yield data.subarray(at, at + XERIAL_BLOCK)
}

/** Compressed blocks in xerial's framing. */
export const xerialOf = (blocks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const parts: Array<Uint8Array> = [XERIAL]
  for (const block of blocks) {
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.byteLength)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/** The parts one behind the other; a single one is not copied. */
export const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  parts.length === 1 ? parts[0]! : Buffer.concat(parts)

/** A raw block of snappy, and what its decoder gives: exactly so many bytes, or an error. */
export interface SnappyBlock {
  readonly block: Uint8Array
  readonly size: number
}

/** Blocks are small: to copy one into memory of V8's costs less than to have V8 look after memory of the decoder's. */
export const COPIED = { copyOutputData: true }

/** What a raw block becomes; throws for broken data. */
export const uncompressBlockSync = ({ block }: SnappyBlock): Uint8Array =>
  snappy().uncompressSync(block, COPIED) as Buffer

/** Blocks of xerial's framing; data without it is one raw block, as some clients send. Together within the ceiling. */
export function* snappyBlocks(data: Uint8Array, ceiling: number): Generator<SnappyBlock> {
  for (let i = 0; i < XERIAL_MAGIC_BYTES; i++) {
    if (data[i] !== XERIAL[i]) {
      yield snappyBlock(data, ceiling, ceiling)
      return
    }
  }
  if (data.byteLength < XERIAL.byteLength) throw new CorruptMessage({ message: "A snappy header cut short." })
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  let left = ceiling
  for (let at = XERIAL.byteLength; at < data.byteLength;) {
    if (data.byteLength - at < 4) throw new CorruptMessage({ message: "A snappy block cut short." })
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0 || length > data.byteLength - at) throw new CorruptMessage({ message: "A snappy block cut short." })
    const block = snappyBlock(data.subarray(at, at + length), left, ceiling)
    left -= block.size
    at += length
    // One that becomes nothing is its length alone; a list of those would be the larger thing.
    if (block.size > 0) yield block
    else if (length !== 1) throw new CorruptMessage({ message: "A snappy block with more in it than it announces." })
  }
}

/** The most that one byte of snappy can stand for is a third of a copy of 64 bytes. */
const SNAPPY_RATIO = 22

const snappyBlock = (block: Uint8Array, left: number, ceiling: number): SnappyBlock => {
  let size = 0
  for (let i = 0; ; i++) {
    const byte = block[i]
    if (byte === undefined || i > 4) throw new CorruptMessage({ message: "A snappy block without a length." })
    size += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) break
  }
  if (size > left) throw tooLarge(ceiling)
  if (size > block.byteLength * SNAPPY_RATIO) {
    throw new CorruptMessage({ message: "A snappy block that announces more than it can hold." })
  }
  return { block, size }
}
