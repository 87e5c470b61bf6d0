/**
 * What decides about an append. Pure: no clock, no store. `propose` works on the assumed part of a log, `confirm` makes it
 * committed, `retract` takes back the last batch; then offsets and sequences are as if it had not come.
 *
 * | call | committed | assumed |
 * |---|---|---|
 * | `propose` appended | same | one batch further |
 * | `propose` duplicate or refused | same | same |
 * | `confirm` | becomes the assumed | none |
 * | `retract` of the last batch | same | one batch back; none where it was the first |
 */
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { Write } from "../../port/Write.ts"
import type { Assumed, LogEnd, LogLimits, PartitionLog } from "./PartitionLog.ts"
import { expireProducers, snapshotAssumed } from "./ProducerSnapshot.ts"
import { afterBatch, judgeSequence } from "./ProducerState.ts"
import type { ProducerState } from "./ProducerState.ts"

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

/** What becomes of a producer's batch by its sequence; undefined: it is the next one. */
const judge = (log: PartitionLog, known: ProducerState | undefined, batch: Uint8Array): Verdict | undefined => {
  const judged = judgeSequence(
    known,
    RecordBatch.producerEpoch(batch),
    RecordBatch.baseSequence(batch),
    RecordBatch.lastSequence(batch)
  )
  if (judged === undefined) return undefined
  if (!("baseOffset" in judged)) return { _tag: "Refused", error: judged }
  const { baseOffset, logAppendTime } = judged
  return { _tag: "Duplicate", baseOffset, logAppendTime, pending: baseOffset >= log.committed.endOffset }
}

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
  const pending = producerId < 0n ? undefined : log.assumed?.producers.get(producerId)
  const known = producerId < 0n ? undefined : (pending ?? log.producers.get(producerId))
  const judged = producerId < 0n ? undefined : judge(log, known, batch)
  if (judged !== undefined) return judged
  const producerEpoch = RecordBatch.producerEpoch(batch)
  const baseSequence = RecordBatch.baseSequence(batch)
  const baseOffset = end.endOffset
  const lastOffset = baseOffset + BigInt(RecordBatch.lastOffsetDelta(batch))
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
    writes.push(snapshotAssumed(log, assumed.producers, lastOffset + 1n, nowMs, limits))
    sinceSnapshot = 0
    snapshotEnd = lastOffset + 1n
  }
  log.assumed = {
    producers: assumed.producers,
    end: { endOffset: lastOffset + 1n, timestampHigh, cumulativeBytes, leaderEpoch, sinceSnapshot, snapshotEnd }
  }
  return { _tag: "Appended", baseOffset, lastOffset, batch, before }
}

/** The commit is stored: what was assumed is committed. */
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
