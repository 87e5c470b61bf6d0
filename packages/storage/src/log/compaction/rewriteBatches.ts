import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { Replacement } from "../../port/Write.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { AbortedBatches } from "../partitions/AbortedBatches.ts"
import type { FilterBatch } from "../rewriting/filterBatch.ts"
import type { Replace } from "../rewriting/Rewriting.ts"
import type { Range, WalkBatches } from "../rewriting/walkBatches.ts"
import type { KeyOffsets } from "./KeyOffsets.ts"
import { tellUnreadable } from "./tellUnreadable.ts"

/** By what records are judged. */
export interface Sieve {
  readonly keys: KeyOffsets
  /** What was aborted goes at once. */
  readonly aborted: AbortedBatches
  /** When tombstones may go that are seen for the first time now, and markers of which nothing is left; in milliseconds. */
  readonly deleteHorizon: bigint
  readonly nowMs: bigint
}

/** Takes from every batch what is superseded or was aborted. Tells when the first tombstone or marker left may go, in milliseconds; -1 for none. */
export type RewriteBatches = (
  range: Range,
  sieve: Sieve,
  replace: Replace
) => Effect.Effect<bigint, KafkaError | StoreError>

const GONE: RecordBatch.Filtered = { batch: undefined, kept: 0, deleteHorizon: undefined }

export const makeRewriteBatches = (walk: WalkBatches, filter: FilterBatch): RewriteBatches => {
  const filtered = (batch: Uint8Array, { deleteHorizon, keys, nowMs }: Sieve) => {
    const horizon = RecordBatch.deleteHorizonOf(batch)
    const tombstonesGo = horizon !== undefined && nowMs >= horizon
    const keep: RecordBatch.FilterOptions["keep"] = ({ isTombstone, key, offset }) =>
      key !== null && !(isTombstone && tombstonesGo) && !keys.isSuperseded(key, offset)
    return filter(batch, { deleteHorizon, keep })
  }

  /** A marker that has nothing to end is given a time, as a tombstone is, and goes behind it (KIP-534). */
  const marker = (batch: Uint8Array, { deleteHorizon, nowMs }: Sieve): RecordBatch.Filtered | KafkaError => {
    const horizon = RecordBatch.deleteHorizonOf(batch)
    if (horizon !== undefined && nowMs >= horizon) return GONE
    const marked = horizon === undefined ? RecordBatch.withDeleteHorizon(batch, deleteHorizon) : batch
    return { batch: marked, kept: 1, deleteHorizon: horizon ?? deleteHorizon }
  }

  return Effect.fnUntraced(function* (range, sieve, replace) {
    let firstHorizon = -1n
    /** Producers with a transaction of which, as far as it was walked over, records are left. */
    const holding = new Set<bigint>()
    const look = (batch: Uint8Array) => {
      const producerId = RecordBatch.producerId(batch)
      if (!RecordBatch.isControl(batch)) return sieve.aborted.has(batch) ? Effect.succeed(GONE) : filtered(batch, sieve)
      return Effect.succeed(
        holding.delete(producerId) ? { batch, kept: 1, deleteHorizon: undefined } : marker(batch, sieve)
      )
    }
    /** What takes the place of a batch; undefined: it stays as it is. */
    const replacementOf = Effect.fnUntraced(function* (batch: Uint8Array) {
      const found = yield* look(batch)
      const isLeft = isKafkaError(found) || found.batch !== undefined
      if (isLeft && RecordBatch.isTransactional(batch) && !RecordBatch.isControl(batch)) {
        holding.add(RecordBatch.producerId(batch))
      }
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
