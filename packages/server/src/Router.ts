import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidRequest } from "@tusk/protocol/KafkaError"
import { partitionForKey } from "@tusk/protocol/record/Murmur2"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { Topic } from "@tusk/storage/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "./BrokerSettings.ts"

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
  { readonly route: (topic: Topic, batch: Uint8Array) => ReadonlyArray<RoutedBatch> | KafkaError }
>()("@tusk/server/Router") {
  static readonly layer = Layer.effect(
    Router,
    Effect.gen(function* () {
      const { decompressedMaxBytes } = yield* BrokerSettings
      let turn = 0
      return Router.of({
        route: (topic, batch) => {
          if (RecordBatch.producerId(batch) >= 0n) {
            return new InvalidRequest({
              message: "Partition -1 is for producers without idempotence (enable.idempotence=false)."
            })
          }
          const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: decompressedMaxBytes })
          if ("_tag" in records) return records
          const keyless = turn++ % topic.partitionIds.length
          const parts = new Map<number, Array<RecordBatch.DecodedRecord>>()
          for (const record of records) {
            const index = record.key === null ? keyless : partitionForKey(record.key, topic.partitionIds.length)
            const part = parts.get(index)
            if (part === undefined) parts.set(index, [record])
            else part.push(record)
          }
          return Array.from(parts, ([index, part]) => ({
            partitionId: topic.partitionIds[index]!,
            batch: RecordBatch.encodeBatch(part, { compression: RecordBatch.compressionCodec(batch) })
          }))
        }
      })
    })
  )
}
