import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { StoredPartition } from "../../port/StateLoader.ts"
import type { Write } from "../../port/Write.ts"
import { afterBatch, encodeSnapshot, judgeSequence, restoreProducers } from "./ProducerState.ts"
import type { ProducerState } from "./ProducerState.ts"

/**
 * One partition's end, and what decides about an append. Pure: no clock, no store.
 *
 * State has two parts. *Committed* is what the store has acknowledged; *assumed* is what the commit that is being put
 * together, or is in flight, will make of it. `propose` works on the assumed part, `confirm` makes it committed, `retract`
 * takes back the last batch; then offsets and sequences are as if it had not come.
 *
 * | call | committed | assumed |
 * |---|---|---|
 * | `propose` appended | same | one batch further |
 * | `propose` duplicate or refused | same | same |
 * | `confirm` | becomes the assumed | none |
 * | `retract` of the last batch | same | one batch back; none where it was the first |
 */
export interface PartitionLog {
  readonly partitionId: number
  /** The last failover over which its end has leapt. */
  failoverEpoch: number
  committed: LogEnd
  readonly producers: Map<bigint, ProducerState>
  assumed: Assumed | undefined
  logStartOffset: bigint
  /** Bytes appended that are not there any more; undefined until somebody asks, where that takes long to find out. */
  bytesGone: bigint | undefined
  readonly leaderEpochs: Array<{ readonly epoch: number; readonly startOffset: bigint }>
}

/** The end of a log: all of it rises only. */
export interface LogEnd {
  /** The next offset to give: the high watermark, as every committed batch is readable. */
  readonly endOffset: bigint
  readonly timestampHigh: bigint
  readonly cumulativeBytes: bigint
  readonly leaderEpoch: number
  readonly sinceSnapshot: number
  /** A snapshot of producers up to here, or further, is stored. */
  readonly snapshotEnd: bigint
}

interface Assumed {
  readonly end: LogEnd
  readonly producers: Map<bigint, ProducerState>
}

export interface LogLimits {
  /** Batches after which the producers' state is stored once more: what loading reads at most. */
  readonly snapshotEvery: number
  /** Producers remembered a partition; the longest silent go first. */
  readonly maxProducers: number
  readonly producerIdExpirationMs: number
}

/** What was assumed before a batch, as far as the batch changed it. */
interface Before {
  readonly assumed: Assumed | undefined
  readonly end: LogEnd
  readonly producer: ProducerState | undefined
}

export type Verdict =
  | {
      readonly _tag: "Appended"
      readonly baseOffset: bigint
      readonly lastOffset: bigint
      readonly batch: Uint8Array
      readonly before: Before
    }
  /** `pending`: what it repeats waits for the very same commit. */
  | {
      readonly _tag: "Duplicate"
      readonly baseOffset: bigint
      readonly logAppendTime: bigint
      readonly pending: boolean
    }
  | { readonly _tag: "Refused"; readonly error: KafkaError }

export const fromStored = (stored: StoredPartition): PartitionLog => ({
  partitionId: stored.partitionId,
  failoverEpoch: stored.failoverEpoch,
  committed: {
    endOffset: stored.endOffset,
    timestampHigh: stored.timestampHigh,
    cumulativeBytes: stored.cumulativeBytes,
    leaderEpoch: stored.leaderEpochs[stored.leaderEpochs.length - 1]?.epoch ?? -1,
    sinceSnapshot: stored.producerBatches.length,
    snapshotEnd: stored.producerSnapshot?.endOffset ?? 0n
  },
  producers: restoreProducers(stored.producerSnapshot?.value ?? null, stored.producerBatches),
  assumed: undefined,
  logStartOffset: stored.logStartOffset,
  bytesGone: stored.sizeBytes === undefined ? undefined : stored.cumulativeBytes - stored.sizeBytes,
  leaderEpochs: stored.leaderEpochs.slice()
})

const RELAXED = { relaxed: true }

/**
 * Judges a batch that was validated, gives it its offsets (patched in place, with the leader epoch) and adds its writes.
 * `logAppendTime`: milliseconds to stamp the records with, or -1n to leave what the producer set. `relaxed`: its commit
 * need not be on disk when it is answered.
 */
export const propose = (
  log: PartitionLog,
  batch: Uint8Array,
  leaderEpoch: number,
  logAppendTime: bigint,
  nowMs: bigint,
  limits: LogLimits,
  writes: Array<Write>,
  relaxed = false
): Verdict => {
  const end = log.assumed?.end ?? log.committed
  const producerId = RecordBatch.producerId(batch)
  const producerEpoch = RecordBatch.producerEpoch(batch)
  const baseSequence = RecordBatch.baseSequence(batch)
  const lastOffsetDelta = RecordBatch.lastOffsetDelta(batch)
  const pending = producerId < 0n ? undefined : log.assumed?.producers.get(producerId)
  const known = producerId < 0n ? undefined : (pending ?? log.producers.get(producerId))
  if (producerId >= 0n) {
    const judged = judgeSequence(known, producerEpoch, baseSequence, RecordBatch.lastSequence(batch))
    if (judged !== undefined) {
      return "baseOffset" in judged
        ? {
            _tag: "Duplicate",
            baseOffset: judged.baseOffset,
            logAppendTime: judged.logAppendTime,
            pending: judged.baseOffset >= log.committed.endOffset
          }
        : { _tag: "Refused", error: judged }
    }
  }
  const baseOffset = end.endOffset
  const lastOffset = baseOffset + BigInt(lastOffsetDelta)
  RecordBatch.setOffsets(batch, baseOffset, leaderEpoch)
  if (logAppendTime >= 0n) RecordBatch.setLogAppendTime(batch, logAppendTime)
  const maxTimestamp = RecordBatch.maxTimestamp(batch)
  const timestampHigh = maxTimestamp > end.timestampHigh ? maxTimestamp : end.timestampHigh
  const cumulativeBytes = end.cumulativeBytes + BigInt(batch.byteLength)
  const before: Before = { assumed: log.assumed, end, producer: pending }
  const assumed = log.assumed ?? { end, producers: new Map<bigint, ProducerState>() }
  if (leaderEpoch !== end.leaderEpoch) {
    writes.push({ _tag: "PutLeaderEpoch", partitionId: log.partitionId, epoch: leaderEpoch, startOffset: baseOffset })
  }
  writes.push({
    _tag: "Append",
    partitionId: log.partitionId,
    baseOffset,
    lastOffset,
    leaderEpoch,
    maxTimestamp,
    timestampHigh,
    cumulativeBytes,
    producerId,
    producerEpoch,
    baseSequence,
    records: batch,
    ...(relaxed ? RELAXED : undefined)
  })
  if (producerId >= 0n) {
    const remembered = { baseSequence, lastSequence: RecordBatch.lastSequence(batch), baseOffset, logAppendTime }
    assumed.producers.set(producerId, afterBatch(known, producerEpoch, remembered, nowMs))
  }
  // Batches of other producers count too: loading has to look at them all.
  let sinceSnapshot = end.sinceSnapshot + 1
  let { snapshotEnd } = end
  if (sinceSnapshot >= limits.snapshotEvery) {
    const producers = new Map(log.producers)
    for (const [id, state] of assumed.producers) {
      // In order of last use, as expiry goes by it.
      producers.delete(id)
      producers.set(id, state)
    }
    expireProducers(producers, nowMs, limits)
    writes.push({
      _tag: "PutProducerSnapshot",
      partitionId: log.partitionId,
      endOffset: lastOffset + 1n,
      value: encodeSnapshot(producers)
    })
    sinceSnapshot = 0
    snapshotEnd = lastOffset + 1n
  }
  log.assumed = {
    producers: assumed.producers,
    end: { endOffset: lastOffset + 1n, timestampHigh, cumulativeBytes, leaderEpoch, sinceSnapshot, snapshotEnd }
  }
  return { _tag: "Appended", baseOffset, lastOffset, batch, before }
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

/** Whether anything is remembered of the producer of this batch; true for a batch without one. */
export const isKnown = (log: PartitionLog, batch: Uint8Array): boolean => {
  const producerId = RecordBatch.producerId(batch)
  return producerId < 0n || log.assumed?.producers.has(producerId) === true || log.producers.has(producerId)
}

export const confirm = (log: PartitionLog, nowMs: bigint, limits: LogLimits): void => {
  const { assumed } = log
  if (assumed === undefined) return
  if (assumed.end.leaderEpoch !== log.committed.leaderEpoch) {
    log.leaderEpochs.push({ epoch: assumed.end.leaderEpoch, startOffset: log.committed.endOffset })
  }
  for (const [producerId, state] of assumed.producers) {
    // Set again, so that the map stays in order of last use.
    log.producers.delete(producerId)
    log.producers.set(producerId, state)
  }
  log.committed = assumed.end
  log.assumed = undefined
  if (log.producers.size > limits.maxProducers || assumed.end.sinceSnapshot === 0) {
    expireProducers(log.producers, nowMs, limits)
  }
}

/** Takes back the batch that was proposed last. */
export const retract = (log: PartitionLog, batch: Uint8Array, { assumed, end, producer }: Before): void => {
  if (assumed === undefined) {
    log.assumed = undefined
    return
  }
  const producerId = RecordBatch.producerId(batch)
  if (producer !== undefined) assumed.producers.set(producerId, producer)
  else assumed.producers.delete(producerId)
  log.assumed = { producers: assumed.producers, end }
}

/** Forgets producers silent for longer than `producer.id.expiration.ms`, and the longest silent beyond the limit. */
const expireProducers = (producers: Map<bigint, ProducerState>, nowMs: bigint, limits: LogLimits): void => {
  const oldest = nowMs - BigInt(limits.producerIdExpirationMs)
  for (const [producerId, state] of producers) {
    if (state.lastTimestamp < oldest || producers.size > limits.maxProducers) producers.delete(producerId)
  }
}

/**
 * The end offset of `epoch`, as OffsetForLeaderEpoch answers it (KIP-101, KIP-279): the greatest epoch at or below the
 * asked one, and where the next one starts. Undefined: nothing is known of such an epoch.
 */
export const endOfEpoch = (
  log: PartitionLog,
  epoch: number,
  currentEpoch: number
): { readonly epoch: number; readonly endOffset: bigint } | undefined => {
  if (epoch >= currentEpoch) return epoch === currentEpoch ? { epoch, endOffset: log.committed.endOffset } : undefined
  let found: { readonly epoch: number; readonly endOffset: bigint } | undefined
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
