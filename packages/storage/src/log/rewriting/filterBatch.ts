import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { BatchCodec } from "../batches/BatchCodec.ts"
import type { OpenBatches } from "../batches/OpenBatches.ts"

/** Takes records from a batch: opened, looked over and compressed again beside other work, which goes on meanwhile. */
export type FilterBatch = (
  batch: Uint8Array,
  options: RecordBatch.FilterOptions
) => Effect.Effect<RecordBatch.Filtered | KafkaError>

export const makeFilterBatch =
  (open: OpenBatches["Service"], codec: BatchCodec): FilterBatch =>
  (batch, options) =>
    open.use<RecordBatch.Filtered>(
      batch,
      Effect.fnUntraced(function* (records) {
        const steps = RecordBatch.filterSteps(batch, records, options)
        const sifted = yield* codec.walk(records.byteLength, steps)
        if (isKafkaError(sifted) || !("remade" in sifted)) return sifted
        const compressed = yield* codec.compress({ codec: RecordBatch.compressionCodec(batch) }, sifted.records)
        return { batch: sifted.remade(compressed), kept: sifted.kept, deleteHorizon: sifted.deleteHorizon }
      })
    )
