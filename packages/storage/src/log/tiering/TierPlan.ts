import type { StoredBatchSize } from "../../port/Store.ts"
import type { MeasuredEnd } from "../partitions/Ends.ts"

/** What of a log stays in the database; the rest moves to objects. */
export interface LocalLimits {
  /** `local.retention.ms`: how long a batch stays, in milliseconds; negative: as long as it is there. */
  readonly localMs: number
  /** `local.retention.bytes` of each partition; negative: as many as there are. */
  readonly localBytes: number
}

/** A log as it is. */
export type TieredLog = Pick<
  MeasuredEnd,
  "cumulativeBytes" | "highWatermark" | "lastStableOffset" | "localStartOffset" | "logStartOffset" | "timestampHigh"
>

/** What is known of a batch that stays. */
export type LocalBatch = Pick<StoredBatchSize, "cumulativeBytes" | "lastOffset" | "timestampHigh">

/**
 * Whether a batch is to move: never the newest one, nor what no transaction has decided yet. What has no time, and none before
 * it has, is in the way of what has one (a leap after a failover): it moves once there is any.
 */
export const isCold = (
  { cumulativeBytes, lastOffset, timestampHigh }: LocalBatch,
  log: TieredLog,
  { localBytes, localMs }: LocalLimits,
  nowMs: bigint
): boolean => {
  if (lastOffset + 1n >= log.highWatermark || lastOffset >= log.lastStableOffset) return false
  if (localBytes >= 0 && log.cumulativeBytes - cumulativeBytes >= BigInt(localBytes)) return true
  return localMs >= 0 && log.timestampHigh >= 0n && timestampHigh < nowMs - BigInt(localMs)
}

/**
 * How many of these batches, which follow each other from where the second tier ends, are to move. Times and bytes of batches
 * only rise: behind the first that stays, all do.
 */
export const countCold = (
  batches: ReadonlyArray<LocalBatch>,
  log: TieredLog,
  limits: LocalLimits,
  nowMs: bigint
): number => {
  const first = batches.findIndex((batch) => !isCold(batch, log, limits, nowMs))
  return first < 0 ? batches.length : first
}
