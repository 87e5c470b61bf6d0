import { createRequire } from "node:module"
import { gunzippedSize } from "./BackgroundCompression.ts"
import { joined, snappyBlocks, uncompressBlockSync, zlib } from "./Compression.ts"
import { lz4BoundSteps } from "./Lz4.ts"
import { finish } from "./Steps.ts"

const load = createRequire(import.meta.url)

/** Bytes that come out of gzip and zstd in about the time that it takes to hand them to a thread and be woken by it. */
const SLOW_CODECS = 32 * 1024
/** The same of snappy and lz4. */
const QUICK_CODECS = 160 * 1024
const LEAST_CHUNK = 4096
/** zstd's frames need not tell what they become: nearly always less than eight times as much. */
const ZSTD_INPUT = 8 * 1024

/**
 * What `decompress` gives, of data that becomes so little that handing it to a thread costs more than doing it here;
 * undefined of any other, and of data that is wrong in any way. `most`: bytes that may come out in any case.
 */
export const decompressAtOnce = (codec: number, data: Uint8Array, most: number): Uint8Array | undefined => {
  try {
    switch (codec) {
      case 0:
        return data
      case 1: {
        const size = gunzippedSize(data)
        const ceiling = Math.min(most, SLOW_CODECS)
        if (size > ceiling || data.byteLength > ceiling) return undefined
        // Its size may be a lie: a chunk of a few bytes would take long.
        return zlib().gunzipSync(data, { maxOutputLength: ceiling, chunkSize: Math.max(LEAST_CHUNK, size + 64) })
      }
      case 2:
        return unsnappy(data, Math.min(most, QUICK_CODECS))
      case 3:
        return unlz4(data, Math.min(most, QUICK_CODECS))
      case 4: {
        if (data.byteLength > ZSTD_INPUT) return undefined
        const ceiling = Math.min(most, SLOW_CODECS)
        const chunkSize = Math.max(LEAST_CHUNK, ceiling)
        return zlib().zstdDecompressSync(data, { maxOutputLength: ceiling, chunkSize })
      }
      default:
        return undefined
    }
  } catch {
    // Too much after all, or damaged: whoever does it in full says what it is.
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
