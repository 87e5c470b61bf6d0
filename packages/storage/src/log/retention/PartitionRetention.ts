import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { Log, MeasuredEnd } from "../Log.ts"
import type { DeleteBatches } from "./BatchDeletion.ts"
import type { RetentionLimits } from "./RetentionOptions.ts"

/** What a look at a partition found. */
export interface Settled {
  /** Nothing is left below it. */
  readonly logStart: bigint
  /** The time of the first batch behind it. Undefined: not known, or there is none. */
  readonly oldest: bigint | undefined
}

/** Whether its records can become too old: those without a time have no age. */
export const ages = ({ highWatermark, logStartOffset, timestampHigh }: MeasuredEnd, retentionMs: number): boolean =>
  retentionMs >= 0 && timestampHigh >= 0n && highWatermark > logStartOffset

export const exceeds = ({ sizeBytes }: MeasuredEnd, { retentionBytes }: RetentionLimits): boolean =>
  retentionBytes >= 0 && sizeBytes > BigInt(retentionBytes)

/** Sizes of batches asked for at a time. */
const SIZES = 1000

export interface PartitionRetention {
  /** Raises the log start over what is too old or too much, and deletes what lies below it. Undefined: it is not there. */
  readonly check: (
    partitionId: number,
    before: MeasuredEnd,
    limits: RetentionLimits
  ) => Effect.Effect<Settled | undefined, KafkaError | StoreError>
  /** Deletes what lies below the log start, and tells what is left. */
  readonly settle: (partitionId: number) => Effect.Effect<MeasuredEnd | undefined, KafkaError | StoreError>
}

export const makePartitionRetention = (
  log: Log["Service"],
  store: Pick<Store["Service"], "findByTimestamp" | "sizes">,
  deleteBatches: DeleteBatches
): PartitionRetention => {
  const measured = Effect.fnUntraced(function* (partitionId: number) {
    const [end] = yield* log.measured([partitionId])
    return end === undefined || isKafkaError(end) ? undefined : end
  })

  const settle = Effect.fnUntraced(function* (partitionId: number) {
    const end = yield* measured(partitionId)
    if (end === undefined || end.sizeBytes === 0n || end.logStartOffset === 0n) return end
    const below = end.logStartOffset
    const deleted = yield* deleteBatches(partitionId, below, (removal) => log.deleting(partitionId, below, removal))
    if (deleted) yield* log.measure(partitionId)
    return yield* measured(partitionId)
  })

  /**
   * The running maximum of times only rises: all before the first batch that reaches the cut is older. Tells that
   * batch's time.
   */
  const expire = Effect.fnUntraced(function* (partitionId: number, retentionMs: number, end: bigint) {
    const cut = BigInt(yield* Clock.currentTimeMillis) - BigInt(retentionMs)
    const kept = yield* store.findByTimestamp(partitionId, cut)
    const base = kept === undefined ? end : RecordBatch.baseOffset(kept)
    // What another commit has stored by now is no reader's yet, nor what no transaction has decided.
    yield* log.raiseLogStart(partitionId, base < end ? base : end)
    return kept === undefined ? undefined : RecordBatch.maxTimestamp(kept)
  })

  /** Behind the oldest batches that are too many: those that can go while `bytes` of the others are left. */
  const cutAt = Effect.fnUntraced(function* (partitionId: number, end: MeasuredEnd, bytes: number) {
    let excess = end.sizeBytes - BigInt(bytes)
    let cut = end.logStartOffset
    while (true) {
      const sizes = yield* store.sizes(partitionId, cut, SIZES)
      for (const batch of sizes) {
        excess -= BigInt(batch.bytes)
        if (excess < 0n || batch.lastOffset >= end.lastStableOffset) return cut
        cut = batch.lastOffset + 1n
      }
      if (sizes.length < SIZES) return cut
    }
  })

  /** Oldest batches go as long as `retention.bytes` or more are left. */
  const shrink = Effect.fnUntraced(function* (partitionId: number, end: MeasuredEnd, limits: RetentionLimits) {
    const cut = yield* cutAt(partitionId, end, limits.retentionBytes)
    const now = yield* measured(partitionId)
    // Records were deleted meanwhile: the bytes that were too many may have gone with them.
    if (now === undefined || now.logStartOffset !== end.logStartOffset) return
    if (cut > end.logStartOffset) yield* log.raiseLogStart(partitionId, cut)
  })

  const check: PartitionRetention["check"] = Effect.fnUntraced(function* (partitionId, before, limits) {
    const oldest = ages(before, limits.retentionMs)
      ? yield* expire(partitionId, limits.retentionMs, before.lastStableOffset)
      : undefined
    let end = yield* settle(partitionId)
    if (end !== undefined && exceeds(end, limits)) {
      yield* shrink(partitionId, end, limits)
      end = yield* settle(partitionId)
    }
    return end === undefined ? undefined : { logStart: end.logStartOffset, oldest }
  })

  return { check, settle }
}
