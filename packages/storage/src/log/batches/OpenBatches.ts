import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { decompressAtOnce } from "@tusk/protocol/record/DecompressAtOnce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { Steps } from "@tusk/protocol/record/Steps"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { openBatchesDefaults } from "../../defaults.ts"
import { AT_ONCE_BYTES, BatchCodec } from "./BatchCodec.ts"

export interface OpenBatchesOptions {
  /** `tusk.decompressed.max.bytes` */
  readonly maxDecompressedBytes: number
}

export const OpenBatchesOptions = Context.Reference<OpenBatchesOptions>("@tusk/storage/OpenBatchesOptions", {
  defaultValue: () => openBatchesDefaults
})

/**
 * Batches that are decompressed, whatever for: as many at a time as there are cores, each within its ceiling, in order of
 * arrival. What becomes little is opened at once, as a thread's wake-up costs more.
 */
export class OpenBatches extends Context.Service<
  OpenBatches,
  {
    /** Work on a batch that is open meanwhile. */
    readonly inTurn: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E>
    /** Opens a batch for as long as `work` has its records; or what is wrong with it. Not to be waited for inside `work`. */
    readonly use: <A>(
      batch: Uint8Array,
      work: (records: Uint8Array) => Effect.Effect<A | KafkaError>
    ) => Effect.Effect<A | KafkaError>
    /** Opens a batch and walks over its records. */
    readonly look: <A>(
      batch: Uint8Array,
      steps: (records: Uint8Array) => Steps<A | KafkaError>
    ) => Effect.Effect<A | KafkaError>
  }
>()("@tusk/storage/log/batches/OpenBatches") {
  static readonly layer = Layer.effect(
    OpenBatches,
    Effect.gen(function* () {
      const codec = yield* BatchCodec
      const limits = yield* OpenBatchesOptions
      const turns = yield* Semaphore.make(codec.atATime)
      /** Opened at once since others had their turn for sure. */
      let atOnceBytes = 0

      // A fiber that has gone while a thread still works for it keeps its turn: turns alone bound what runs.
      const inTurn = <A, E>(work: Effect.Effect<A, E>) => turns.withPermits(1)(Effect.uninterruptible(work))

      const openAtOnce = (codecNumber: number, data: Uint8Array): Uint8Array | undefined => {
        if (data.byteLength > AT_ONCE_BYTES) return undefined
        return decompressAtOnce(codecNumber, data, Math.min(limits.maxDecompressedBytes, AT_ONCE_BYTES))
      }

      const use: OpenBatches["Service"]["use"] = Effect.fnUntraced(function* (batch, work) {
        const sealed = RecordBatch.sealedRecords(batch)
        if (isKafkaError(sealed)) return sealed
        if (atOnceBytes > AT_ONCE_BYTES) {
          atOnceBytes = 0
          yield* codec.turn
        }
        const few = openAtOnce(sealed.codec, sealed.data)
        if (few !== undefined) {
          atOnceBytes += few.byteLength
          return yield* work(few)
        }
        const opened = codec.decompress(sealed.codec, sealed.data, limits)
        return yield* inTurn(
          Effect.flatMap(opened, (records) => (isKafkaError(records) ? Effect.succeed(records) : work(records)))
        )
      })

      return OpenBatches.of({
        inTurn,
        use,
        look: (batch, steps) => use(batch, (records) => codec.walk(records.byteLength, steps(records)))
      })
    })
  )
}
