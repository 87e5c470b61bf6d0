import { fromStored } from "../../../src/log/partitions/PartitionLog.ts"
import type { LogLimits, PartitionLog } from "../../../src/log/partitions/PartitionLog.ts"

export const limits: LogLimits = { snapshotEvery: 1000, maxProducers: 100, producerIdExpirationMs: 86_400_000 }

/** The log of a partition that was never written. */
export const newLog = (): PartitionLog =>
  fromStored({
    partitionId: 1,
    failoverEpoch: 0,
    logStartOffset: 0n,
    localStartOffset: 0n,
    endOffset: 0n,
    timestampHigh: -1n,
    cumulativeBytes: 0n,
    sizeBytes: 0n,
    leaderEpochs: [],
    compaction: null,
    producerSnapshot: null,
    producerBatches: [],
    openTransactions: [],
    lastAborted: -1n
  })
