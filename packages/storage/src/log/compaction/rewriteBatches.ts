import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { Replacement } from "../../port/Write.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { BatchCodec } from "../batches/BatchCodec.ts"
import type { OpenBatches } from "../batches/OpenBatches.ts"
import type { KeyOffsets } from "./KeyOffsets.ts"
import { tellUnreadable } from "./walkBatches.ts"
import type { Range, WalkBatches } from "./walkBatches.ts"

/** By what records are judged. */
export interface Sieve {
  readonly keys: KeyOffsets
  /** When tombstones may go that are seen for the first time now; in milliseconds. */
  readonly deleteHorizon: bigint
  readonly nowMs: bigint
}

/** Stores what takes the place of batches. */
export type Replace = (replacements: ReadonlyArray<Replacement>) => Effect.Effect<void, KafkaError>

/** Takes from every batch what is superseded. Tells when the first tombstone left may go, in milliseconds; -1 for none. */
export type RewriteBatches = (
  range: Range,
  sieve: Sieve,
  replace: Replace
) => Effect.Effect<bigint, KafkaError | StoreError>

export const makeRewriteBatches = (
  walk: WalkBatches,
  open: OpenBatches["Service"],
  codec: BatchCodec
): RewriteBatches => {
  /** Opened, looked over and compressed again beside others, who are served meanwhile. */
  const filtered = (batch: Uint8Array, { deleteHorizon, keys, nowMs }: Sieve) => {
    const horizon = RecordBatch.deleteHorizonOf(batch)
    const tombstonesGo = horizon !== undefined && nowMs >= horizon
    const keep: RecordBatch.FilterOptions["keep"] = ({ isTombstone, key, offset }) =>
      key !== null && !(isTombstone && tombstonesGo) && !keys.isSuperseded(key, offset)
    return open.use<RecordBatch.Filtered>(
      batch,
      Effect.fnUntraced(function* (records) {
        const steps = RecordBatch.filterSteps(batch, records, { deleteHorizon, keep })
        const sifted = yield* codec.walk(records.byteLength, steps)
        if (isKafkaError(sifted) || !("remade" in sifted)) return sifted
        const compressed = yield* codec.compress({ codec: RecordBatch.compressionCodec(batch) }, sifted.records)
        return { batch: sifted.remade(compressed), kept: sifted.kept, deleteHorizon: sifted.deleteHorizon }
      })
    )
  }

  return Effect.fnUntraced(function* (range, sieve, replace) {
    let firstHorizon = -1n
    /** What takes the place of a batch; undefined: it stays as it is. */
    const replacementOf = Effect.fnUntraced(function* (batch: Uint8Array) {
      if (RecordBatch.isControl(batch)) return undefined
      const found = yield* filtered(batch, sieve)
      if (isKafkaError(found)) {
        yield* tellUnreadable(range.partitionId, batch, found)
        return undefined
      }
      const left = found.deleteHorizon
      if (left !== undefined && (firstHorizon < 0n || left < firstHorizon)) firstHorizon = left
      if (found.batch === batch) return undefined
      return { baseOffset: RecordBatch.baseOffset(batch), records: found.batch ?? null }
    })
    yield* walk(
      range,
      Effect.fnUntraced(function* (batches) {
        const replaced: Array<Replacement> = []
        for (const batch of batches) {
          const replacement = yield* replacementOf(batch)
          if (replacement !== undefined) replaced.push(replacement)
        }
        if (replaced.length > 0) yield* replace(replaced)
        return true
      })
    )
    return firstHorizon
  })
}
