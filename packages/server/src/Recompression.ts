import type { KafkaError } from "@tusk/protocol/KafkaError"
import { MessageTooLarge } from "@tusk/protocol/KafkaError"
import { compressInBackground, decompressInBackground } from "@tusk/protocol/record/BackgroundCompression"
import { compress, decompress } from "@tusk/protocol/record/Compression"
import type { DecompressionLimits } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isKafkaError } from "@tusk/storage/log/Log"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { BrokerSettings } from "./BrokerSettings.ts"
import type { Compression } from "./config/TopicConfigs.ts"

/** What a topic asks of a batch that can only be done by opening it. */
export interface Inside {
  readonly rules: RecordBatch.RecordRules | undefined
  /** The codec it is to be kept in, where that is not its own. */
  readonly target: Compression | undefined
  /** `max.message.bytes`, which holds after compression too. */
  readonly maxMessageBytes: number
}

/** Codecs that let the process go on meanwhile; replaced where all has to happen in one thread, as in a simulation. */
export interface BatchCodec {
  readonly compress: (target: Compression, data: Uint8Array) => Effect.Effect<Uint8Array>
  readonly decompress: (
    codec: number,
    data: Uint8Array,
    limits: DecompressionLimits
  ) => Effect.Effect<Uint8Array | KafkaError>
}

export const BatchCodec = Context.Reference<BatchCodec>("@tusk/server/BatchCodec", {
  defaultValue: () => ({
    compress: ({ codec, level }, data) => Effect.promise(() => compressInBackground(codec, data, level)),
    decompress: (codec, data, limits) => Effect.promise(() => decompressInBackground(codec, data, limits))
  })
})

/** The same at once, in this thread; levels are left aside. */
export const inlineBatchCodec: BatchCodec = {
  compress: ({ codec }, data) => Effect.sync(() => compress(codec, data)),
  decompress: (codec, data, limits) => Effect.sync(() => decompress(codec, data, limits))
}

/** Batches open at a time: half of libuv's threads, and at most so often the ceiling in memory. */
const AT_A_TIME = 2

/**
 * Opens batches within `tusk.decompressed.max.bytes`, looks at their records, and compresses them as their topic wants
 * them kept. Producer, sequence and times stay what they are.
 */
export class Recompression extends Context.Service<
  Recompression,
  {
    /** The batch to keep; or what is wrong with it: its records, or its size before or after. */
    readonly open: (batch: Uint8Array, inside: Inside) => Effect.Effect<Uint8Array | KafkaError>
  }
>()("@tusk/server/Recompression") {
  static readonly layer = Layer.effect(
    Recompression,
    Effect.gen(function* () {
      const { decompressedMaxBytes } = yield* BrokerSettings
      const codec = yield* BatchCodec
      const turns = yield* Semaphore.make(AT_A_TIME)

      const open = Effect.fnUntraced(function* (batch: Uint8Array, { maxMessageBytes, rules, target }: Inside) {
        const records = yield* codec.decompress(
          RecordBatch.compressionCodec(batch),
          batch.subarray(RecordBatch.RECORD_BATCH_OVERHEAD),
          { maxDecompressedBytes: decompressedMaxBytes }
        )
        if (isKafkaError(records)) return records
        // What was opened is looked at: a batch that no consumer could read is not compressed for keeps.
        const wrong = RecordBatch.validateDecompressed(batch, records, rules ?? NO_RULES)
        if (wrong !== undefined) return wrong
        if (target === undefined) return batch
        const kept = RecordBatch.withRecords(batch, target.codec, yield* codec.compress(target, records))
        return kept.byteLength > maxMessageBytes
          ? new MessageTooLarge({
              message: `The record batch takes ${kept.byteLength} bytes as its topic keeps it: more than max.message.bytes of ${maxMessageBytes}.`
            })
          : kept
      })

      // Who has gone while a thread still works for it keeps its turn: what runs is bounded by turns alone.
      const atOnce = (batch: Uint8Array, inside: Inside) => Effect.uninterruptible(open(batch, inside))
      return Recompression.of({ open: (batch, inside) => turns.withPermits(1)(atOnce(batch, inside)) })
    })
  )
}

const NO_RULES = { compacted: false }
