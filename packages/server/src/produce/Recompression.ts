import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CorruptMessage, InvalidRecord, MessageTooLarge } from "@tusk/protocol/KafkaError"
import type { OldMagic } from "@tusk/protocol/record/MessageSet"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { BatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { isKafkaError } from "@tusk/storage/log/Log"
import { OpenBatches } from "@tusk/storage/log/batches/OpenBatches"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import type { Compression } from "../config/TopicConfigs.ts"

/** What is to be done inside a batch that can only be done by opening it, its validation apart. */
export interface Inside {
  readonly rules: RecordBatch.RecordRules | undefined
  /** The codec it is to be kept in, if that is not its own. */
  readonly target: Compression | undefined
  /** `max.message.bytes`, which holds after compression too. */
  readonly maxMessageBytes: number
}

/**
 * Opens batches within `tusk.decompressed.max.bytes`, looks at their records, and compresses them as their topic wants
 * them kept. Producer, sequence and times stay what they are. By the turns of `OpenBatches`.
 */
export class Recompression extends Context.Service<
  Recompression,
  {
    /** The batch to keep; or what is wrong with it: its records, or its size before or after. */
    readonly open: (batch: Uint8Array, inside: Inside) => Effect.Effect<Uint8Array | KafkaError>
    /** Work on a produced batch that is to be opened: so many bytes wait meanwhile. */
    readonly counting: <A, E>(bytes: number, work: Effect.Effect<A, E>) => Effect.Effect<A, E>
    /** So many bytes wait to be opened that nothing more should be read from the client that sends them. */
    readonly isFull: () => boolean
    /** The batch as a message set, for clients that know nothing else. */
    readonly downConvert: (batch: Uint8Array, magic: OldMagic) => Effect.Effect<Uint8Array | KafkaError>
  }
>()("@tusk/server/produce/Recompression") {
  static readonly layer = Layer.effect(
    Recompression,
    Effect.gen(function* () {
      const { commitQueueMaxBytes, decompressedMaxBytes } = yield* BrokerSettings
      const codec = yield* BatchCodec
      const { inTurn } = yield* OpenBatches
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
        const wrong = yield* codec.walk(records.byteLength, RecordBatch.validationSteps(batch, records, inside.rules))
        return wrong ?? (yield* kept(batch, records, inside))
      })

      const counting: Recompression["Service"]["counting"] = (bytes, work) =>
        Effect.suspend(() => {
          waiting += bytes
          const leave = Effect.sync(() => {
            waiting -= bytes
          })
          return Effect.ensuring(work, leave)
        })

      return Recompression.of({
        open: (batch, inside) => counting(batch.byteLength, inTurn(open(batch, inside))),
        counting,
        isFull: () => waiting > commitQueueMaxBytes,
        downConvert: (batch, magic) => inTurn(codec.downConvert(batch, magic, limits))
      })
    })
  )
}

export const tooLarge = (size: number, most: number): KafkaError =>
  new MessageTooLarge({
    message: `The record batch takes ${size} bytes as its topic keeps it: more than max.message.bytes of ${most}.`
  })

/** What cannot be decompressed though its checksum is right was sent like that, and comes like that again: no error to retry on. */
export const asSent = (error: KafkaError): KafkaError =>
  error instanceof CorruptMessage ? new InvalidRecord({ message: error.message, cause: error }) : error
