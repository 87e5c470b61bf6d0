import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { ErasureStep } from "../../port/Erasures.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { Replacement } from "../../port/Write.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { FilterBatch } from "../rewriting/filterBatch.ts"
import type { Rewriting, RewritingInReign } from "../rewriting/Rewriting.ts"
import type { Range, ReadBatches } from "../rewriting/walkBatches.ts"
import type { ErasedKeys } from "./ErasePlan.ts"

/** A batch that cannot be opened: whether it holds one of the keys is not known. */
export interface Unreadable {
  readonly offset: bigint
  readonly error: KafkaError
}

export interface ErasedStep extends ErasureStep {
  /** Bytes that were looked through. */
  readonly lookedBytes: number
}

/** What a log is erased with. */
export interface PartitionErasurePorts {
  readonly read: ReadBatches
  readonly filter: FilterBatch
  readonly rewriting: Pick<Rewriting["Service"], "inTurn">
  readonly counts: StorageCounts
}

/** Takes records of the keys from the next batches of a range; tells what went, or what stands in the way. */
export type EraseStep = (
  range: Range,
  keys: ErasedKeys,
  reign: Pick<RewritingInReign, "replacing">
) => Effect.Effect<ErasedStep | Unreadable, KafkaError | StoreError>

export const isUnreadable = (step: ErasedStep | Unreadable): step is Unreadable => "error" in step

export const makeEraseStep = ({ counts, filter, read, rewriting }: PartitionErasurePorts): EraseStep => {
  /** What takes the place of a batch; undefined: it stays as it is. `went` counts. */
  const replacementOf = Effect.fnUntraced(function* (batch: Uint8Array, keys: ErasedKeys, went: Array<number>) {
    // What ends transactions has keys of its own.
    if (RecordBatch.isControl(batch) || RecordBatch.recordCount(batch) === 0) return undefined
    const found = new Map<number, number>()
    const keep: RecordBatch.FilterOptions["keep"] = ({ key }) => {
      const places = keys.placesOf(key)
      for (const place of places ?? []) found.set(place, (found.get(place) ?? 0) + 1)
      return places === undefined
    }
    const filtered = yield* filter(batch, { deleteHorizon: undefined, keep })
    if (isKafkaError(filtered)) return filtered
    if (filtered.batch === batch) return undefined
    for (const [place, records] of found) went[place]! += records
    counts.erasedRecords += RecordBatch.recordCount(batch) - filtered.kept
    // An empty one stays, so that the newest of a log tells where it ends, and a producer's last one what it sent.
    return { baseOffset: RecordBatch.baseOffset(batch), records: filtered.batch ?? RecordBatch.emptied(batch) }
  })

  const step: EraseStep = Effect.fnUntraced(function* (range, keys, reign) {
    const { end, from, partitionId } = range
    const batches = yield* read(range)
    const replaced: Array<Replacement> = []
    const records = new Array<number>(keys.size).fill(0)
    let [to, bytes, lookedBytes] = [from, 0, 0]
    for (const batch of batches) {
      const replacement = yield* replacementOf(batch, keys, records)
      if (isKafkaError(replacement)) {
        if (to === from) return { offset: RecordBatch.baseOffset(batch), error: replacement }
        break
      }
      to = RecordBatch.lastOffset(batch) + 1n
      lookedBytes += batch.byteLength
      if (replacement === undefined) continue
      replaced.push(replacement)
      bytes += batch.byteLength
    }
    if (replaced.length > 0) yield* reign.replacing(partitionId, end, "Erased")(replaced)
    counts.erasedBytes += bytes
    return { partitionId, from, to: batches.length === 0 ? end : to, records, bytes, lookedBytes }
  })
  return (range, keys, reign) => rewriting.inTurn(range.partitionId, step(range, keys, reign))
}
