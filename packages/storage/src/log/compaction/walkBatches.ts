import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { BatchReader } from "../../port/BatchReader.ts"
import type { StoreError } from "../../port/StoreError.ts"

/** A part of a partition's log: batches from `from` on that end below `end`. */
export interface Range {
  readonly partitionId: number
  readonly from: bigint
  readonly end: bigint
}

/** Walks over batches, about `stepBytes` of them at a time, until `use` says that it is enough (false). */
export type WalkBatches = (
  range: Range,
  use: (batches: ReadonlyArray<Uint8Array>) => Effect.Effect<boolean, KafkaError>
) => Effect.Effect<void, KafkaError | StoreError>

export const makeWalkBatches = (reader: BatchReader, stepBytes: number): WalkBatches =>
  Effect.fnUntraced(function* ({ end, from, partitionId }, use) {
    let at = from
    while (at < end) {
      const [read] = yield* reader.read([{ partitionId, from: at, maxBytes: stepBytes }], stepBytes)
      const batches = read!.filter((batch) => RecordBatch.lastOffset(batch) < end)
      if (batches.length === 0) return
      if (!(yield* use(batches))) return
      at = RecordBatch.lastOffset(batches.at(-1)!) + 1n
    }
  })

/** A batch that cannot be opened stays. */
export const tellUnreadable = (partitionId: number, batch: Uint8Array, error: KafkaError): Effect.Effect<void> =>
  Effect.logWarning(
    `compaction leaves the batch at ${RecordBatch.baseOffset(batch)} of partition ${partitionId} as it is: ${error._tag}`
  )
