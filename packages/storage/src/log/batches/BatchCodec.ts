import type { KafkaError } from "@tusk/protocol/KafkaError"
import { compressInBackground, cores, decompressInBackground, turn } from "@tusk/protocol/record/BackgroundCompression"
import { compress, decompress } from "@tusk/protocol/record/Compression"
import type { DecompressionLimits } from "@tusk/protocol/record/Compression"
import { downConvertBatch, downConvertInBackground } from "@tusk/protocol/record/DownConvert"
import type { OldMagic } from "@tusk/protocol/record/MessageSet"
import { finish, inTurns, type Steps } from "@tusk/protocol/record/Steps"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Records that are looked at without a turn for others. */
export const AT_ONCE_BYTES = 512 * 1024

/** What records are to be compressed by; the codec's own level if none is given. */
export interface CodecAndLevel {
  readonly codec: number
  readonly level?: number | undefined
}

/** Codecs that let the process go on meanwhile; replaced if all has to happen in one thread, as in a simulation. */
export interface BatchCodec {
  /** Batches that are open at a time: at most so often the ceiling in memory. */
  readonly atATime: number
  readonly compress: (target: CodecAndLevel, data: Uint8Array) => Effect.Effect<Uint8Array>
  readonly decompress: (
    codec: number,
    data: Uint8Array,
    limits: DecompressionLimits
  ) => Effect.Effect<Uint8Array | KafkaError>
  /** A walk over so many bytes of records. */
  readonly walk: <A>(bytes: number, steps: Steps<A>) => Effect.Effect<A>
  readonly downConvert: (
    batch: Uint8Array,
    magic: OldMagic,
    limits: DecompressionLimits
  ) => Effect.Effect<Uint8Array | KafkaError>
  /** Others run. */
  readonly turn: Effect.Effect<void>
}

export const BatchCodec = Context.Reference<BatchCodec>("@tusk/storage/log/batches/BatchCodec", {
  defaultValue: () => ({
    atATime: cores(),
    compress: ({ codec, level }, data) => Effect.promise(() => compressInBackground(codec, data, level)),
    decompress: (codec, data, limits) => Effect.promise(() => decompressInBackground(codec, data, limits)),
    walk: (bytes, steps) =>
      bytes <= AT_ONCE_BYTES ? Effect.sync(() => finish(steps)) : Effect.promise(() => inTurns(steps)),
    downConvert: (batch, magic, limits) => Effect.promise(() => downConvertInBackground(batch, magic, limits)),
    turn: Effect.promise(() => turn())
  })
})

/** The same at once, in this thread; levels are left aside. */
export const inlineBatchCodec: BatchCodec = {
  atATime: 2,
  compress: ({ codec }, data) => Effect.sync(() => compress(codec, data)),
  decompress: (codec, data, limits) => Effect.sync(() => decompress(codec, data, limits)),
  walk: (_, steps) => Effect.sync(() => finish(steps)),
  downConvert: (batch, magic, limits) => Effect.sync(() => downConvertBatch(batch, magic, limits)),
  turn: Effect.void
}
