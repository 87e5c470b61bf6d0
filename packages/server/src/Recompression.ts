import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CorruptMessage, InvalidRecord, MessageTooLarge } from "@tusk/protocol/KafkaError"
import { compressInBackground, cores, decompressInBackground } from "@tusk/protocol/record/BackgroundCompression"
import { compress, decompress } from "@tusk/protocol/record/Compression"
import type { DecompressionLimits } from "@tusk/protocol/record/Compression"
import { downConvertBatch, downConvertInBackground } from "@tusk/protocol/record/DownConvert"
import type { OldMagic } from "@tusk/protocol/record/MessageSet"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { inTurns } from "@tusk/protocol/record/Steps"
import { isKafkaError } from "@tusk/storage/log/Log"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { BrokerSettings } from "./BrokerSettings.ts"
import type { Compression } from "./config/TopicConfigs.ts"

/** What is to be done inside a batch that can only be done by opening it, its validation apart. */
export interface Inside {
  readonly rules: RecordBatch.RecordRules | undefined
  /** The codec it is to be kept in, where that is not its own. */
  readonly target: Compression | undefined
  /** `max.message.bytes`, which holds after compression too. */
  readonly maxMessageBytes: number
}

/** Codecs that let the process go on meanwhile; replaced where all has to happen in one thread, as in a simulation. */
export interface BatchCodec {
  /** Batches that are open at a time: at most so often the ceiling in memory. */
  readonly atATime: number
  readonly compress: (target: Compression, data: Uint8Array) => Effect.Effect<Uint8Array>
  readonly decompress: (
    codec: number,
    data: Uint8Array,
    limits: DecompressionLimits
  ) => Effect.Effect<Uint8Array | KafkaError>
  readonly validate: typeof validateAtOnce
  readonly downConvert: (
    batch: Uint8Array,
    magic: OldMagic,
    limits: DecompressionLimits
  ) => Effect.Effect<Uint8Array | KafkaError>
}

type Rules = RecordBatch.RecordRules | undefined

const validateAtOnce = (batch: Uint8Array, records: Uint8Array, rules: Rules): Effect.Effect<KafkaError | undefined> =>
  Effect.sync(() => RecordBatch.validateDecompressed(batch, records, rules))

/** Records that are looked at without a turn for others: of a request, and of a batch. */
export const AT_ONCE_BYTES = 512 * 1024

export const BatchCodec = Context.Reference<BatchCodec>("@tusk/server/BatchCodec", {
  defaultValue: () => ({
    atATime: cores(),
    compress: ({ codec, level }, data) => Effect.promise(() => compressInBackground(codec, data, level)),
    decompress: (codec, data, limits) => Effect.promise(() => decompressInBackground(codec, data, limits)),
    validate: (batch, records, rules) =>
      records.byteLength <= AT_ONCE_BYTES
        ? validateAtOnce(batch, records, rules)
        : Effect.promise(() => inTurns(RecordBatch.validationSteps(batch, records, rules))),
    downConvert: (batch, magic, limits) => Effect.promise(() => downConvertInBackground(batch, magic, limits))
  })
})

/** The same at once, in this thread; levels are left aside. */
export const inlineBatchCodec: BatchCodec = {
  atATime: 2,
  compress: ({ codec }, data) => Effect.sync(() => compress(codec, data)),
  decompress: (codec, data, limits) => Effect.sync(() => decompress(codec, data, limits)),
  validate: validateAtOnce,
  downConvert: (batch, magic, limits) => Effect.sync(() => downConvertBatch(batch, magic, limits))
}

/**
 * Opens batches within `tusk.decompressed.max.bytes`, looks at their records, and compresses them as their topic wants
 * them kept. Producer, sequence and times stay what they are. As many at a time as there are cores, in order of arrival.
 */
export class Recompression extends Context.Service<
  Recompression,
  {
    /** The batch to keep; or what is wrong with it: its records, or its size before or after. */
    readonly open: (batch: Uint8Array, inside: Inside) => Effect.Effect<Uint8Array | KafkaError>
    /** So many bytes wait to be opened that nothing more should be read from who sends them. */
    readonly isFull: () => boolean
    /** The batch as a message set, for clients that know nothing else. */
    readonly downConvert: (batch: Uint8Array, magic: OldMagic) => Effect.Effect<Uint8Array | KafkaError>
  }
>()("@tusk/server/Recompression") {
  static readonly layer = Layer.effect(
    Recompression,
    Effect.gen(function* () {
      const { commitQueueMaxBytes, decompressedMaxBytes } = yield* BrokerSettings
      const codec = yield* BatchCodec
      const turns = yield* Semaphore.make(codec.atATime)
      const limits = { maxDecompressedBytes: decompressedMaxBytes }
      let waiting = 0

      const kept = (batch: Uint8Array, records: Uint8Array, { maxMessageBytes, target }: Inside) =>
        target === undefined
          ? Effect.succeed(batch)
          : Effect.map(codec.compress(target, records), (compressed) => {
              const made = RecordBatch.withRecords(batch, target.codec, compressed)
              return made.byteLength > maxMessageBytes ? tooLarge(made.byteLength, maxMessageBytes) : made
            })

      const open = Effect.fnUntraced(function* (batch: Uint8Array, inside: Inside) {
        const records = yield* codec.decompress(
          RecordBatch.compressionCodec(batch),
          batch.subarray(RecordBatch.RECORD_BATCH_OVERHEAD),
          limits
        )
        if (isKafkaError(records)) return asSent(records)
        // Whatever it is opened for, it is looked at: a batch that no consumer could read is not compressed for keeps.
        const wrong = yield* codec.validate(batch, records, inside.rules)
        return wrong ?? (yield* kept(batch, records, inside))
      })

      // Who has gone while a thread still works for it keeps its turn: what runs is bounded by turns alone.
      const inTurn = <A, E>(work: Effect.Effect<A, E>) => turns.withPermits(1)(Effect.uninterruptible(work))
      return Recompression.of({
        open: (batch, inside) =>
          Effect.suspend(() => {
            waiting += batch.byteLength
            const leave = Effect.sync(() => {
              waiting -= batch.byteLength
            })
            return Effect.ensuring(inTurn(open(batch, inside)), leave)
          }),
        isFull: () => waiting > commitQueueMaxBytes,
        downConvert: (batch, magic) => inTurn(codec.downConvert(batch, magic, limits))
      })
    })
  )
}

const tooLarge = (size: number, most: number): KafkaError =>
  new MessageTooLarge({
    message: `The record batch takes ${size} bytes as its topic keeps it: more than max.message.bytes of ${most}.`
  })

/** What cannot be decompressed though its checksum is right was sent like that, and comes like that again: no error to retry on. */
const asSent = (error: KafkaError): KafkaError =>
  error instanceof CorruptMessage ? new InvalidRecord({ message: error.message, cause: error }) : error
