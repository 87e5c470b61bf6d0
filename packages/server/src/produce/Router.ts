import { InvalidRequest } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { partitionForKey } from "@tusk/protocol/record/Murmur2"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { BatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { isKafkaError } from "@tusk/storage/log/Log"
import { OpenBatches } from "@tusk/storage/log/batches/OpenBatches"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { asSent, tooLarge } from "./Recompression.ts"
import type { Inside } from "./Recompression.ts"

export interface RoutedBatch {
  readonly partitionId: number
  readonly batch: Uint8Array
}

/**
 * Records sent to partition -1 are routed here, as pg_kafka does: by murmur2 of the key, as the Java producer would; all
 * of a batch's records without a key go to one partition, another one each time. A batch is taken apart and put together
 * anew, so that an idempotent producer's sequence would not survive it: those are refused.
 */
export class Router extends Context.Service<
  Router,
  {
    /** All of the batch's records, looked at as `inside` says, or what is wrong with one of them. */
    readonly route: (
      topic: Topic,
      batch: Uint8Array,
      inside: Inside | undefined
    ) => Effect.Effect<ReadonlyArray<RoutedBatch> | KafkaError>
  }
>()("@tusk/server/produce/Router") {
  static readonly layer = Layer.effect(
    Router,
    Effect.gen(function* () {
      const codec = yield* BatchCodec
      const batches = yield* OpenBatches
      let turn = 0

      /** The batch of each part, by the index of its partition; compressed as the whole was, or as the topic wants it. */
      const divided = Effect.fnUntraced(function* (
        batch: Uint8Array,
        records: Uint8Array,
        inside: Inside | undefined,
        placeOf: (key: Uint8Array | null) => number
      ) {
        const target = inside?.target ?? { codec: RecordBatch.compressionCodec(batch) }
        const parts = yield* codec.walk(records.byteLength, RecordBatch.partSteps(batch, records, placeOf))
        if (isKafkaError(parts)) return parts
        const made: Array<readonly [index: number, batch: Uint8Array]> = []
        for (const [index, part] of parts) {
          const one = RecordBatch.partBatch(batch, part, target.codec, yield* codec.compress(target, part.records))
          if (inside !== undefined && one.byteLength > inside.maxMessageBytes) {
            return tooLarge(one.byteLength, inside.maxMessageBytes)
          }
          made.push([index, one])
        }
        return made
      })

      const route: Router["Service"]["route"] = Effect.fnUntraced(function* ({ partitionIds }, batch, inside) {
        if (RecordBatch.producerId(batch) >= 0n) {
          return new InvalidRequest({
            message: "Partition -1 is for producers without idempotence (enable.idempotence=false)."
          })
        }
        const keyless = turn++ % partitionIds.length
        const made = yield* batches.use(
          batch,
          Effect.fnUntraced(function* (records) {
            // Before they are apart: what is wrong is told by the producer's own counting.
            const judged = RecordBatch.validationSteps(batch, records, inside?.rules)
            const wrong = inside === undefined ? undefined : yield* codec.walk(records.byteLength, judged)
            if (wrong !== undefined) return wrong
            return yield* divided(batch, records, inside, (key) =>
              key === null ? keyless : partitionForKey(key, partitionIds.length)
            )
          })
        )
        if (isKafkaError(made)) return asSent(made)
        return made.map(([index, one]) => ({ partitionId: partitionIds[index]!, batch: one }))
      })
      return Router.of({ route })
    })
  )
}
