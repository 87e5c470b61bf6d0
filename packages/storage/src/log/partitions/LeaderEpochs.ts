import type { PartitionLog } from "./PartitionLog.ts"

/** An epoch, and the offset behind its last record. */
export interface EpochEnd {
  readonly epoch: number
  readonly endOffset: bigint
}

/**
 * The end offset of `epoch`, as OffsetForLeaderEpoch answers it (KIP-101, KIP-279): the greatest epoch at or below the
 * asked one, and where the next one starts. Undefined: nothing is known of such an epoch.
 */
export const endOfEpoch = (log: PartitionLog, epoch: number, currentEpoch: number): EpochEnd | undefined => {
  if (epoch >= currentEpoch) return epoch === currentEpoch ? { epoch, endOffset: log.committed.endOffset } : undefined
  let found: EpochEnd | undefined
  for (let i = 0; i < log.leaderEpochs.length; i++) {
    const entry = log.leaderEpochs[i]!
    if (entry.epoch > epoch) {
      // Older than everything known: it ended where the first known one starts.
      return found ?? { epoch, endOffset: entry.startOffset }
    }
    found = { epoch: entry.epoch, endOffset: log.leaderEpochs[i + 1]?.startOffset ?? log.committed.endOffset }
  }
  return found
}

/** The leader epoch in which the record at `offset` was, or will be, appended. */
export const epochAt = (log: PartitionLog, offset: bigint, currentEpoch: number): number => {
  if (offset >= log.committed.endOffset) return currentEpoch
  let epoch = -1
  for (const entry of log.leaderEpochs) {
    if (entry.startOffset > offset) break
    epoch = entry.epoch
  }
  return epoch
}
