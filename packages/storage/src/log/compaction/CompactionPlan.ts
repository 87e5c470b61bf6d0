import type { StoredBatchSize } from "../../port/Store.ts"
import type { StoredCompaction } from "../../port/Write.ts"

/** A compacted topic's configs. Times in milliseconds. */
export interface CompactionPolicy {
  /** `min.compaction.lag.ms`: a record stays at least so long. */
  readonly minLagMs: number
  /** `max.compaction.lag.ms`: a record is looked at after so long, however little there is to compact. */
  readonly maxLagMs: number
  /** `min.cleanable.dirty.ratio`: the share of the log that has to be new. */
  readonly minDirtyRatio: number
  /** `delete.retention.ms`: how long a tombstone stays. */
  readonly deleteRetentionMs: number
  /** `segment.ms` and `segment.bytes`: what is newer and nearer to the end than these is not compacted. */
  readonly segmentMs: number
  readonly segmentBytes: number
}

/** The log as it is. */
export interface CompactedLog {
  readonly highWatermark: bigint
  readonly lastStableOffset: bigint
  /** Bytes ever appended. */
  readonly cumulativeBytes: bigint
  /** Bytes that are there. */
  readonly sizeBytes: bigint
  readonly compaction: StoredCompaction | null
}

/** New batches that may be compacted now. */
export interface Cleanable {
  readonly bytes: bigint
  /** Behind the last of them. */
  readonly end: bigint
  /** Greatest timestamp of the first of them, -1 for none. */
  readonly firstTimestamp: bigint
}

/** Bytes that compaction has not seen yet. */
export const dirtyBytes = ({ compaction, cumulativeBytes, sizeBytes }: CompactedLog): bigint => {
  const dirty = compaction === null ? sizeBytes : cumulativeBytes - compaction.cleanedBytes
  return dirty < sizeBytes ? dirty : sizeBytes
}

/**
 * How many of these batches, which follow each other, may be compacted. As in Kafka not those of the active segment,
 * which has no files here: it is what lies within `segment.bytes` of the end and is not older than `segment.ms`, and
 * the newest batch in any case; nor what no transaction has decided yet.
 */
export const countCleanable = (
  batches: ReadonlyArray<StoredBatchSize>,
  log: CompactedLog,
  policy: CompactionPolicy,
  nowMs: bigint
): number => {
  const rolledAt = nowMs - BigInt(Math.min(policy.segmentMs, policy.maxLagMs))
  const rolledBytes = log.cumulativeBytes - BigInt(policy.segmentBytes)
  const lagAt = nowMs - BigInt(policy.minLagMs)
  const end = batches.findIndex(({ cumulativeBytes, lastOffset, timestampHigh }) => {
    if (lastOffset + 1n >= log.highWatermark || lastOffset >= log.lastStableOffset) return true
    if (policy.minLagMs > 0 && timestampHigh > lagAt) return true
    return cumulativeBytes > rolledBytes && (timestampHigh < 0n || timestampHigh > rolledAt)
  })
  return end < 0 ? batches.length : end
}

/** Whether it is worth while, or overdue. */
export const isDue = (cleanable: Cleanable, log: CompactedLog, policy: CompactionPolicy, nowMs: bigint): boolean => {
  const horizon = log.compaction?.deleteHorizon ?? -1n
  if (horizon >= 0n && nowMs >= horizon) return true
  if (cleanable.bytes === 0n) return false
  const clean = Number(log.sizeBytes - dirtyBytes(log))
  const dirty = Number(cleanable.bytes)
  if (dirty / (clean + dirty) > policy.minDirtyRatio) return true
  return cleanable.firstTimestamp >= 0n && cleanable.firstTimestamp <= nowMs - BigInt(policy.maxLagMs)
}

/** Whether it can be due at all, as far as is known without asking the store. */
export const mayBeDue = (log: CompactedLog, policy: CompactionPolicy, nowMs: bigint): boolean => {
  const bytes = dirtyBytes(log)
  return isDue({ bytes, end: 0n, firstTimestamp: bytes > 0n ? 0n : -1n }, log, policy, nowMs)
}
