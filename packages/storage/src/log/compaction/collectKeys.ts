import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../port/StoreError.ts"
import type { OpenBatches } from "../batches/OpenBatches.ts"
import type { AbortedBatches } from "../partitions/AbortedBatches.ts"
import type { Range, WalkBatches } from "../rewriting/walkBatches.ts"
import { KeyOffsets } from "./KeyOffsets.ts"
import { tellUnreadable } from "./tellUnreadable.ts"

export interface CollectedKeys {
  readonly keys: KeyOffsets
  /** The offset up to which the keys fitted. */
  readonly end: bigint
}

/** The latest offset of each key in a part of a log, but for what was aborted, as far as keys fit into `maxKeyBytes`. */
export type CollectKeys = (
  range: Range,
  aborted: AbortedBatches
) => Effect.Effect<CollectedKeys, KafkaError | StoreError>

export const makeCollectKeys = (walk: WalkBatches, open: OpenBatches["Service"], maxKeyBytes: number): CollectKeys =>
  Effect.fnUntraced(function* (range, aborted) {
    const keys = new KeyOffsets(maxKeyBytes)
    let end = range.from
    const put = ({ key, offset }: RecordBatch.KeyedRecord): void => {
      if (key !== null) keys.put(key, offset)
    }
    yield* walk(
      range,
      Effect.fnUntraced(function* (batches) {
        for (const batch of batches) {
          end = RecordBatch.lastOffset(batch) + 1n
          if (RecordBatch.isControl(batch) || aborted.has(batch)) continue
          const error = yield* open.look(batch, (records) => RecordBatch.keySteps(batch, records, put))
          if (error !== undefined) yield* tellUnreadable(range.partitionId, batch, error)
          if (keys.isFull) return false
        }
        return true
      })
    )
    return { keys, end }
  })
