import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Committer } from "../../commit/Committer.ts"
import { writing } from "../../commit/Participant.ts"
import type { Participant } from "../../commit/Participant.ts"
import type { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { StepBytes } from "../../StepBytes.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { RetentionOptions } from "./RetentionOptions.ts"

/**
 * Deletes the batches of a partition that end below an offset, in steps bounded in number, bytes and time. `unit` makes of
 * each step what is committed. Tells whether there were any.
 */
export type DeleteBatches = (
  partitionId: number,
  below: bigint,
  unit: (removal: Participant<void>) => Participant<unknown>
) => Effect.Effect<boolean, KafkaError | StoreError>

export const makeDeleteBatches = (
  store: Pick<Store["Service"], "sizes">,
  committer: Pick<Committer["Service"], "submit">,
  { batchesPerStep, bytesPerStep }: Pick<RetentionOptions, "batchesPerStep" | "bytesPerStep">,
  counts: StorageCounts
): DeleteBatches => {
  const step = new StepBytes(bytesPerStep)

  /** How many of the oldest batches below an offset one step may delete. */
  const stepOf = Effect.fnUntraced(function* (partitionId: number, below: bigint) {
    let count = 0
    let bytes = 0
    for (const batch of yield* store.sizes(partitionId, 0n, batchesPerStep)) {
      bytes += batch.bytes
      if (batch.lastOffset >= below || (count > 0 && bytes > step.bytes)) break
      count++
    }
    return count
  })

  return Effect.fnUntraced(function* (partitionId, below, unit) {
    let deleted = false
    while (true) {
      const limit = yield* stepOf(partitionId, below)
      if (limit === 0) return deleted
      const removal = writing([{ _tag: "DeleteBatches", partitionId, below, limit }])
      const [took] = yield* Effect.timed(committer.submit(unit(removal), Infinity))
      step.took(Duration.toMillis(took))
      counts.deletedBatches += limit
      deleted = true
    }
  })
}
