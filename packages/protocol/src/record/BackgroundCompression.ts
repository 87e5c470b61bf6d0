/**
 * `compress` and `decompress` in a process that has others to serve: all codecs work in libuv's threads. What they cannot
 * do there (lz4 that is out of the ordinary) lets others run after each 256 KiB.
 */
import { createRequire } from "node:module"
import { setImmediate } from "node:timers/promises"
import { promisify } from "node:util"
import { type KafkaError, UnsupportedCompressionType } from "../KafkaError.ts"
import {
  ceilingOf,
  COPIED,
  type DecompressionLimits,
  GZIP,
  joined,
  LZ4,
  SNAPPY,
  snappy,
  type SnappyBlock,
  snappyBlocks,
  tooLarge,
  UNCOMPRESSED,
  uncompressBlockSync,
  unzstdOptions,
  whyNot,
  within,
  xerialBlocks,
  xerialOf,
  ZSTD,
  zlib
} from "./Compression.ts"
import { lz4BoundSteps, lz4FrameSteps } from "./Lz4.ts"
import { inTurns } from "./Steps.ts"

const load = createRequire(import.meta.url)
const lz4 = (): typeof import("lz4-napi") => load("lz4-napi")

/** Others run. */
export const turn = (): Promise<void> => setImmediate()

/** How many batches are worked on at a time without one keeping another from its core. */
export const cores = (): number => (load("node:os") as typeof import("node:os")).availableParallelism()

/** As `compress`; `level` is gzip's or zstd's, their default if not given. The data must not change meanwhile. */
export const compressInBackground = async (codec: number, data: Uint8Array, level?: number): Promise<Uint8Array> => {
  switch (codec) {
    case UNCOMPRESSED:
      return data
    case GZIP:
      return promisify<Uint8Array, object, Buffer>(zlib().gzip)(data, level === undefined ? {} : { level })
    case SNAPPY:
      return xerialOf(await groupwise(xerialBlocks(data), (block) => snappy().compress(block)))
    case LZ4:
      return lz4().compressFrame(data)
    case ZSTD: {
      const { constants, zstdCompress } = zlib()
      const params = level === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level }
      // Told the size beforehand, the high levels take memory by it.
      return promisify<Uint8Array, object, Buffer>(zstdCompress)(data, { params, pledgedSrcSize: data.byteLength })
    }
    default:
      throw new RangeError(`There is no compression codec ${codec}`)
  }
}

/** As `decompress`, with the same ceiling and the same errors as values. The data must not change meanwhile. */
export const decompressInBackground = async (
  codec: number,
  data: Uint8Array,
  limits: DecompressionLimits
): Promise<Uint8Array | KafkaError> => {
  const ceiling = ceilingOf(data.byteLength, limits)
  try {
    switch (codec) {
      case UNCOMPRESSED:
        // Others run before whatever is done to it, as with the rest.
        await turn()
        return data
      case GZIP: {
        const options = { maxOutputLength: Math.max(1, ceiling), chunkSize: chunkOf(gunzippedSize(data), ceiling) }
        return within(ceiling, await promisify<Uint8Array, object, Buffer>(zlib().gunzip)(data, options))
      }
      case SNAPPY:
        return joined(await groupwise(snappyBlocks(data, ceiling), uncompressBlock))
      case LZ4:
        return await unlz4(data, ceiling)
      case ZSTD: {
        // A stream's frame does not say what it becomes.
        const options = { ...unzstdOptions(ceiling), chunkSize: chunkOf(4 * data.byteLength, ceiling) }
        return within(ceiling, await promisify<Uint8Array, object, Buffer>(zlib().zstdDecompress)(data, options))
      }
      default:
        return new UnsupportedCompressionType({ message: `There is no compression codec ${codec}.` })
    }
  } catch (error) {
    return whyNot(codec, error, ceiling)
  }
}

/** The last four bytes of gzip's data: what it becomes, if it is one member and does not lie. */
export const gunzippedSize = (data: Uint8Array): number => {
  const end = data.byteLength
  return end < 4 ? 0 : (data[end - 4]! | (data[end - 3]! << 8) | (data[end - 2]! << 16) | (data[end - 1]! << 24)) >>> 0
}

const LEAST_CHUNK = 16 * 1024
const GREATEST_CHUNK = 1 << 20

/** zlib goes to a thread and back for each chunk: one that holds all of it, and is seen not to be full, is one way. */
const chunkOf = (size: number, ceiling: number): number =>
  Math.max(LEAST_CHUNK, Math.min(size + 64, ceiling, GREATEST_CHUNK))

/** Blocks at work at a time. */
const GROUP = 32

/** Some at a time, and a turn for others between; in the order they came in. */
const groupwise = async <A>(
  each: Iterable<A>,
  run: (one: A) => Promise<Uint8Array> | Uint8Array
): Promise<ReadonlyArray<Uint8Array>> => {
  const done: Array<Uint8Array> = []
  let group: Array<Promise<Uint8Array> | Uint8Array> = []
  const settle = async () => {
    for (const one of await Promise.all(group)) done.push(one)
    group = []
  }
  try {
    for (const one of each) {
      group.push(run(one))
      if (group.length < GROUP) continue
      await settle()
      await turn()
    }
    await settle()
    return done
  } finally {
    // What is still at work may fail too: its failure is taken here.
    await Promise.allSettled(group)
  }
}

/** A block smaller than that is done in less time than it takes to hand it over. */
const SMALL_BLOCK = 2048
/** One that is larger than xerial's is not copied on the way. */
const COPIED_SIZE = 32 * 1024

const uncompressBlock = (one: SnappyBlock): Promise<Uint8Array> | Uint8Array =>
  one.size <= SMALL_BLOCK
    ? uncompressBlockSync(one)
    : (snappy().uncompress(one.block, one.size <= COPIED_SIZE ? COPIED : {}) as Promise<Buffer>)

const unlz4 = async (data: Uint8Array, ceiling: number): Promise<Uint8Array> => {
  const bound = await inTurns(lz4BoundSteps(data, ceiling))
  if (bound !== undefined && bound > ceiling) throw tooLarge(ceiling)
  const native =
    bound === undefined
      ? undefined
      : await lz4()
          .decompressFrame(data)
          .catch(() => undefined)
  // Ours takes what Kafka takes and the native one does not (a wrong checksum of the content), and says what is wrong.
  return native ?? inTurns(lz4FrameSteps(data, ceiling, false))
}
