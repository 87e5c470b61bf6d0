import { createRequire } from "node:module"
import { gunzippedSize } from "./BackgroundCompression.ts"
import {
  GZIP,
  joined,
  LZ4,
  SNAPPY,
  snappyBlocks,
  UNCOMPRESSED,
  uncompressBlockSync,
  ZSTD,
  zlib
} from "./Compression.ts"
import { lz4BoundSteps } from "./Lz4.ts"
import { finish } from "./Steps.ts"

const load = createRequire(import.meta.url)

/**
 * Bytes that come out of any codec in less than 0.2 ms, which holds up nothing. In a thread they take as long, and
 * handing them over and being woken takes up to 0.1 ms of CPU more.
 */
const MOST = 160 * 1024
const LEAST_CHUNK = 4096
/** What zstd's data becomes if it does not say: nearly always less than so many times as much. */
const ZSTD_RATIO = 4

/**
 * What `decompress` gives, of data that becomes so little that handing it to a thread costs more than doing it here;
 * undefined of any other, and of data that is wrong in any way. `most`: bytes that may come out in any case.
 */
export const decompressAtOnce = (codec: number, data: Uint8Array, most: number): Uint8Array | undefined => {
  const ceiling = Math.min(most, MOST)
  try {
    switch (codec) {
      case UNCOMPRESSED:
        return data
      case GZIP: {
        const size = gunzippedSize(data)
        if (size > ceiling || data.byteLength > ceiling) return undefined
        // Its size may be a lie: a chunk of a few bytes would take long.
        return zlib().gunzipSync(data, { maxOutputLength: ceiling, chunkSize: Math.max(LEAST_CHUNK, size + 64) })
      }
      case SNAPPY:
        return unsnappy(data, ceiling)
      case LZ4:
        return unlz4(data, ceiling)
      case ZSTD: {
        const size = zstdSize(data)
        if ((size ?? data.byteLength) > ceiling) return undefined
        const chunkSize = Math.max(LEAST_CHUNK, Math.min(size ?? ZSTD_RATIO * data.byteLength, ceiling))
        return zlib().zstdDecompressSync(data, { maxOutputLength: ceiling, chunkSize })
      }
      default:
        return undefined
    }
  } catch {
    // Too much after all, or damaged: the decompression in full says what it is.
    return undefined
  }
}

const unsnappy = (data: Uint8Array, ceiling: number): Uint8Array | undefined =>
  data.byteLength > ceiling ? undefined : joined(Array.from(snappyBlocks(data, ceiling), uncompressBlockSync))

const unlz4 = (data: Uint8Array, ceiling: number): Uint8Array | undefined => {
  if (data.byteLength > ceiling) return undefined
  const bound = finish(lz4BoundSteps(data, ceiling))
  if (bound === undefined || bound > ceiling) return undefined
  const { decompressFrameSync } = load("lz4-napi") as typeof import("lz4-napi")
  return decompressFrameSync(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
}

/** What the first frame of zstd's data says that it becomes, if it does (RFC 8878, 3.1.1.1). */
const zstdSize = (data: Uint8Array): number | undefined => {
  if (data.byteLength < 14) return undefined
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const descriptor = view.getUint8(4)
  const isSingle = (descriptor & 0x20) !== 0
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!
  switch (descriptor >>> 6) {
    case 0:
      return isSingle ? view.getUint8(at) : undefined
    case 1:
      return view.getUint16(at, true) + 256
    case 2:
      return view.getUint32(at, true)
    default:
      return undefined
  }
}
