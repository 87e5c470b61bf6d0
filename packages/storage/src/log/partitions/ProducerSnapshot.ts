import type { Write } from "../../port/Write.ts"
import type { LogLimits, PartitionLog } from "./PartitionLog.ts"
import { encodeSnapshot } from "./ProducerState.ts"
import type { ProducerState } from "./ProducerState.ts"

/**
 * Forgets producers silent for longer than `producer.id.expiration.ms`, and the longest silent beyond the limit; but none
 * with an open transaction.
 */
export const expireProducers = (
  producers: Map<bigint, ProducerState>,
  { openTransactions }: PartitionLog,
  nowMs: bigint,
  limits: LogLimits
): void => {
  const oldest = nowMs - BigInt(limits.producerIdExpirationMs)
  for (const [producerId, state] of producers) {
    if (openTransactions.has(producerId)) continue
    if (state.lastTimestamp < oldest || producers.size > limits.maxProducers) producers.delete(producerId)
  }
}

/** What a commit that comes to `endOffset` makes of the producers: what is stored now and then, so that loading is short. */
export const snapshotAssumed = (
  log: PartitionLog,
  assumed: ReadonlyMap<bigint, ProducerState>,
  endOffset: bigint,
  nowMs: bigint,
  limits: LogLimits
): Write => {
  const producers = new Map(log.producers)
  for (const [id, state] of assumed) {
    // In order of last use, as expiry goes by it.
    producers.delete(id)
    producers.set(id, state)
  }
  expireProducers(producers, log, nowMs, limits)
  return { _tag: "PutProducerSnapshot", partitionId: log.partitionId, endOffset, value: encodeSnapshot(producers) }
}

/**
 * What has to be stored before batches below an offset may go: what is known of producers up to the end that is stored.
 * Undefined: their batches are not needed for it, as a snapshot that is stored, or comes with this commit, tells it.
 */
export const snapshotBelow = (log: PartitionLog, below: bigint): Write | undefined => {
  const { snapshotEnd } = log.assumed?.end ?? log.committed
  if (snapshotEnd >= below || (log.producers.size === 0 && snapshotEnd === 0n)) return undefined
  return {
    _tag: "PutProducerSnapshot",
    partitionId: log.partitionId,
    endOffset: log.committed.endOffset,
    value: encodeSnapshot(log.producers)
  }
}

/** A snapshot up to an offset is stored. What is assumed keeps what it knew: less, which costs one more snapshot at most. */
export const snapshotStored = (log: PartitionLog, endOffset: bigint): void => {
  if (endOffset > log.committed.snapshotEnd) log.committed = { ...log.committed, snapshotEnd: endOffset }
}
