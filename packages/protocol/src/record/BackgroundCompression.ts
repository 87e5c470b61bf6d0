import { createRequire } from "node:module"
import { setImmediate as turn } from "node:timers/promises"
import { promisify } from "node:util"
import { type KafkaError, UnsupportedCompressionType } from "../KafkaError.ts"
import {
  ceilingOf,
  type DecompressionLimits,
  snappySteps,
  unsnappySteps,
  unzstdOptions,
  whyNot,
  within,
  zlib
} from "./Compression.ts"
import { lz4FrameSteps } from "./Lz4.ts"
import type { Steps } from "./Steps.ts"

/**
 * `compress` and `decompress` for large data in a process that has others to serve: gzip, zstd and lz4's compressor work
 * in libuv's threads; what there is no such form of lets others run after each 256 KiB.
 */

const load = createRequire(import.meta.url)
const STRETCH = 256 * 1024

const inTurns = async (steps: Steps): Promise<Uint8Array> => {
  let since = 0
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (step.value - since < STRETCH) continue
    since = step.value
    await turn()
  }
}

/** As `compress`; `level` is gzip's or zstd's, their default if not given. The data must not change meanwhile. */
export const compressInBackground = async (codec: number, data: Uint8Array, level?: number): Promise<Uint8Array> => {
  switch (codec) {
    case 0:
      return data
    case 1:
      return promisify<Uint8Array, object, Buffer>(zlib().gzip)(data, level === undefined ? {} : { level })
    case 2:
      return inTurns(snappySteps(data))
    case 3: {
      const { compressFrame } = load("lz4-napi") as typeof import("lz4-napi")
      return compressFrame(data)
    }
    case 4: {
      const { constants, zstdCompress } = zlib()
      const params = level === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level }
      // Told the size beforehand, the high levels take memory by it.
      return promisify<Uint8Array, object, Buffer>(zstdCompress)(data, { params, pledgedSrcSize: data.byteLength })
    }
    default:
      throw new RangeError(`There is no compression codec ${codec}`)
  }
}

/** As `decompress`, with the same ceiling and the same errors as values. */
export const decompressInBackground = async (
  codec: number,
  data: Uint8Array,
  limits: DecompressionLimits
): Promise<Uint8Array | KafkaError> => {
  const ceiling = ceilingOf(data.byteLength, limits)
  try {
    switch (codec) {
      case 0:
        return data
      case 1: {
        const gunzip = promisify<Uint8Array, object, Buffer>(zlib().gunzip)
        return within(ceiling, await gunzip(data, { maxOutputLength: Math.max(1, ceiling) }))
      }
      case 2:
        return await inTurns(unsnappySteps(data, ceiling))
      case 3:
        return await inTurns(lz4FrameSteps(data, ceiling, false))
      case 4: {
        const unzstd = promisify<Uint8Array, object, Buffer>(zlib().zstdDecompress)
        return within(ceiling, await unzstd(data, unzstdOptions(ceiling)))
      }
      default:
        return new UnsupportedCompressionType({ message: `There is no compression codec ${codec}.` })
    }
  } catch (error) {
    return whyNot(codec, error, ceiling)
  }
}
