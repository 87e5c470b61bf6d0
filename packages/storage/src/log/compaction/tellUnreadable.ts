import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"

/** A batch that cannot be opened stays. */
export const tellUnreadable = (partitionId: number, batch: Uint8Array, error: KafkaError): Effect.Effect<void> =>
  Effect.logWarning(
    `compaction leaves the batch at ${RecordBatch.baseOffset(batch)} of partition ${partitionId} as it is: ${error._tag}`
  )
