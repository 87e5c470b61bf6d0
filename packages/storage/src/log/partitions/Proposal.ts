/**
 * What decides about an append. Pure: no clock, no store. `propose` works on the assumed part of a log, `proposeMarker` does
 * so for the end of a transaction, `confirm` makes it committed, `retract` takes back the last batch; then offsets, sequences
 * and transactions are as if it had not come.
 *
 * | call | committed | assumed |
 * |---|---|---|
 * | `propose` appended | same | one batch further; a transaction begins with its first batch |
 * | the same of an imported batch | same | behind that batch, at whatever offset it has |
 * | `propose` duplicate or refused | same | same |
 * | `proposeMarker` | same | one batch further; the producer's transaction ends |
 * | `confirm` | becomes the assumed | none |
 * | `retract` of the last batch | same | one batch back; none if it was the first |
 */
import { InvalidTxnState } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"
import type { StoredAt, Write, WriteOf } from "../../port/Write.ts"
import { misplaced } from "./Imported.ts"
import type { Marker } from "./Marker.ts"
import { encodeMarker, refuseMarker } from "./Marker.ts"
import type { Assumed, LogEnd, LogLimits, PartitionLog } from "./PartitionLog.ts"
import { expireProducers, snapshotAssumed } from "./ProducerSnapshot.ts"
import { afterBatch, afterMarker, judgeSequence } from "./ProducerState.ts"
import type { ProducerState } from "./ProducerState.ts"

/** What was assumed before a batch, as far as the batch changed it. */
interface Before {
  readonly assumed: Assumed | undefined
  readonly end: LogEnd
  readonly producer: ProducerState | undefined
  readonly transaction: bigint | null | undefined
}

export interface Appended {
  readonly _tag: "Appended"
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly batch: Uint8Array
  readonly before: Before
}

export type Verdict =
  | Appended
  /** `pending`: what it repeats waits for the very same commit. */
  | {
      readonly _tag: "Duplicate"
      readonly baseOffset: bigint
      readonly logAppendTime: bigint
      readonly pending: boolean
    }
  | { readonly _tag: "Refused"; readonly error: KafkaError }

/**
 * Whether a transaction may begin in this partition; asked once for each, before its first batch is appended.
 * `firstSequence`: of that batch, if the partition knows nothing of its producer.
 */
export type MayBegin = (partitionId: number, firstSequence: number | undefined) => KafkaError | undefined

/** How a batch is appended, beside what it says itself. Times in milliseconds. */
export interface Appending {
  readonly leaderEpoch: number
  readonly nowMs: bigint
  readonly limits: LogLimits
  /** What the records are stamped with; -1n leaves what the producer set. */
  readonly logAppendTime: bigint
  /** Its commit need not be on disk when it is answered. */
  readonly relaxed?: boolean | undefined
  /** Where its bytes lie; undefined: they go into the row. */
  readonly stored?: StoredAt | undefined
  readonly mayBegin?: MayBegin | undefined
  /** The batch keeps its base offset: nothing lies between this offset and that one where it comes from. */
  readonly importedTo?: bigint | undefined
}

const RELAXED = { relaxed: true }
const NONE: ReadonlyArray<AbortedTransaction> = []

/** The first offset of the producer's open transaction, as this commit will have it; undefined for none. */
const openSince = (log: PartitionLog, producerId: bigint): bigint | undefined => {
  const changed = log.assumed?.transactions?.get(producerId)
  return changed === undefined ? log.openTransactions.get(producerId) : (changed ?? undefined)
}

/** What becomes of a producer's batch by its sequence and its transaction; undefined: it is the next one. */
const judge = (
  log: PartitionLog,
  known: ProducerState | undefined,
  batch: Uint8Array,
  mayBegin: MayBegin | undefined
): Verdict | undefined => {
  const producerEpoch = RecordBatch.producerEpoch(batch)
  const judged = judgeSequence(known, producerEpoch, RecordBatch.baseSequence(batch), RecordBatch.lastSequence(batch))
  if (judged !== undefined && "baseOffset" in judged) {
    const { baseOffset, logAppendTime } = judged
    return { _tag: "Duplicate", baseOffset, logAppendTime, pending: baseOffset >= log.committed.endOffset }
  }
  if (judged?._tag === "InvalidProducerEpoch") return { _tag: "Refused", error: judged }
  const since = openSince(log, RecordBatch.producerId(batch))
  if (!RecordBatch.isTransactional(batch)) {
    if (judged !== undefined) return { _tag: "Refused", error: judged }
    return since === undefined ? undefined : { _tag: "Refused", error: notTransactional() }
  }
  if (since === undefined || known?.producerEpoch !== producerEpoch) {
    const firstSequence = known === undefined ? RecordBatch.baseSequence(batch) : undefined
    const error = mayBegin === undefined ? notInTransaction() : mayBegin(log.partitionId, firstSequence)
    if (error !== undefined) return { _tag: "Refused", error }
  }
  return judged === undefined ? undefined : { _tag: "Refused", error: judged }
}

const notTransactional = () =>
  new InvalidTxnState({ message: "A batch outside the transaction that its producer has open in the partition." })
const notInTransaction = () => new InvalidTxnState({ message: "A batch that is part of no open transaction." })

/**
 * Judges a batch that was validated, gives it its offsets (patched in place, with the leader epoch) and adds its writes. An
 * imported one, which is no producer's, has its offsets.
 */
export const propose = (log: PartitionLog, batch: Uint8Array, how: Appending, writes: Array<Write>): Verdict => {
  const error = how.importedTo === undefined ? undefined : misplaced(log, batch, how.importedTo)
  if (error !== undefined) return { _tag: "Refused", error }
  const producerId = RecordBatch.producerId(batch)
  const known = producerId < 0n ? undefined : (log.assumed?.producers.get(producerId) ?? log.producers.get(producerId))
  const judged = producerId < 0n ? undefined : judge(log, known, batch, how.mayBegin)
  if (judged !== undefined) return judged
  const isFirst = RecordBatch.isTransactional(batch) && openSince(log, producerId) === undefined
  const appended = place(log, batch, how, writes)
  const { baseOffset } = appended
  if (producerId >= 0n) {
    const baseSequence = RecordBatch.baseSequence(batch)
    const lastSequence = RecordBatch.lastSequence(batch)
    const remembered = { baseSequence, lastSequence, baseOffset, logAppendTime: how.logAppendTime }
    const state = afterBatch(known, RecordBatch.producerEpoch(batch), remembered, how.nowMs)
    log.assumed!.producers.set(producerId, state)
  }
  if (isFirst) {
    writes.push({ _tag: "BeginTransaction", partitionId: log.partitionId, producerId, firstOffset: baseOffset })
    changeTransaction(log, producerId, baseOffset)
  }
  snapshot(log, how, writes)
  return appended
}

/** Ends a producer's transaction: its marker is appended, even if the partition has none of its records. */
export const proposeMarker = (
  log: PartitionLog,
  marker: Marker,
  how: Appending,
  writes: Array<Write>
): Appended | KafkaError => {
  const { producerEpoch, producerId } = marker
  const known = log.assumed?.producers.get(producerId) ?? log.producers.get(producerId)
  const firstOffset = openSince(log, producerId)
  const refused = refuseMarker(known, marker, firstOffset !== undefined)
  if (refused !== undefined) return refused
  const appended = place(log, encodeMarker(marker, how.nowMs), how, writes)
  log.assumed!.producers.set(producerId, afterMarker(known, producerEpoch, marker.coordinatorEpoch, how.nowMs))
  if (firstOffset !== undefined) {
    changeTransaction(log, producerId, null)
    const { lastOffset } = appended
    const ended = { producerId, firstOffset, lastOffset, lastStableOffset: stableBehind(log, lastOffset) }
    writes.push({ _tag: "EndTransaction", partitionId: log.partitionId, ...ended, aborted: !marker.committed })
    if (!marker.committed) log.assumed = { ...log.assumed!, aborted: [...log.assumed!.aborted, ended] }
  }
  snapshot(log, how, writes)
  return appended
}

/** Where the first transaction begins that is still open behind a marker, or the offset behind it. */
const stableBehind = (log: PartitionLog, lastOffset: bigint): bigint => {
  const changed = log.assumed?.transactions
  for (const [producerId, firstOffset] of log.openTransactions) {
    if (changed?.has(producerId) !== true) return firstOffset
  }
  let first = lastOffset + 1n
  for (const firstOffset of changed?.values() ?? []) {
    if (firstOffset !== null && firstOffset < first) first = firstOffset
  }
  return first
}

const changeTransaction = (log: PartitionLog, producerId: bigint, firstOffset: bigint | null): void => {
  const { assumed } = log
  if (assumed!.transactions === undefined) log.assumed = { ...assumed!, transactions: new Map() }
  log.assumed!.transactions!.set(producerId, firstOffset)
}

/** Puts a batch at the assumed end, or where an imported one has its place behind it. */
const place = (log: PartitionLog, batch: Uint8Array, how: Appending, writes: Array<Write>): Appended => {
  const { partitionId } = log
  const { leaderEpoch, logAppendTime, relaxed, stored } = how
  const end = log.assumed?.end ?? log.committed
  const producerId = RecordBatch.producerId(batch)
  const baseOffset = how.importedTo === undefined ? end.endOffset : RecordBatch.baseOffset(batch)
  const lastOffset = baseOffset + BigInt(RecordBatch.lastOffsetDelta(batch))
  RecordBatch.setOffsets(batch, baseOffset, leaderEpoch)
  if (logAppendTime >= 0n) RecordBatch.setLogAppendTime(batch, logAppendTime)
  const maxTimestamp = RecordBatch.maxTimestamp(batch)
  const timestampHigh = maxTimestamp > end.timestampHigh ? maxTimestamp : end.timestampHigh
  const cumulativeBytes = end.cumulativeBytes + BigInt(batch.byteLength)
  const before: Before = {
    assumed: log.assumed,
    end,
    producer: log.assumed?.producers.get(producerId),
    transaction: log.assumed?.transactions?.get(producerId)
  }
  if (leaderEpoch !== end.leaderEpoch) {
    writes.push({ _tag: "PutLeaderEpoch", partitionId, epoch: leaderEpoch, startOffset: end.endOffset })
  }
  const append: WriteOf<"Append"> = {
    _tag: "Append",
    partitionId,
    baseOffset,
    lastOffset,
    leaderEpoch,
    maxTimestamp,
    timestampHigh,
    cumulativeBytes,
    producerId,
    producerEpoch: RecordBatch.producerEpoch(batch),
    baseSequence: RecordBatch.baseSequence(batch),
    records: batch
  }
  const isUsual = stored === undefined && relaxed !== true
  writes.push(isUsual ? append : { ...append, ...(stored && { stored }), ...(relaxed === true ? RELAXED : undefined) })
  log.assumed = {
    producers: log.assumed?.producers ?? new Map<bigint, ProducerState>(),
    transactions: log.assumed?.transactions,
    aborted: log.assumed?.aborted ?? NONE,
    end: {
      endOffset: lastOffset + 1n,
      timestampHigh,
      cumulativeBytes,
      leaderEpoch,
      // Batches without a producer count too: loading has to look at them all.
      sinceSnapshot: end.sinceSnapshot + 1,
      snapshotEnd: end.snapshotEnd
    }
  }
  return { _tag: "Appended", baseOffset, lastOffset, batch, before }
}

/** Stores what is known of producers now and then. */
const snapshot = (log: PartitionLog, { limits, nowMs }: Appending, writes: Array<Write>): void => {
  const { end, producers } = log.assumed!
  if (end.sinceSnapshot < limits.snapshotEvery) return
  writes.push(snapshotAssumed(log, producers, end.endOffset, nowMs, limits))
  log.assumed = { ...log.assumed!, end: { ...end, sinceSnapshot: 0, snapshotEnd: end.endOffset } }
}

/** The commit is stored: what was assumed is committed. Tells which transactions ended as aborted. */
export const confirm = (log: PartitionLog, nowMs: bigint, limits: LogLimits): ReadonlyArray<AbortedTransaction> => {
  const { assumed } = log
  if (assumed === undefined) return NONE
  if (assumed.end.leaderEpoch !== log.committed.leaderEpoch) {
    log.leaderEpochs.push({ epoch: assumed.end.leaderEpoch, startOffset: log.committed.endOffset })
  }
  for (const [producerId, state] of assumed.producers) {
    // Set again, so that the map stays in order of last use.
    log.producers.delete(producerId)
    log.producers.set(producerId, state)
  }
  if (assumed.transactions !== undefined) confirmTransactions(log, assumed.transactions)
  log.lastAborted = assumed.aborted.at(-1)?.lastOffset ?? log.lastAborted
  log.committed = assumed.end
  log.assumed = undefined
  if (log.producers.size > limits.maxProducers || assumed.end.sinceSnapshot === 0) {
    expireProducers(log.producers, log, nowMs, limits)
  }
  return assumed.aborted
}

/** Those that begin do so behind all that are open: the map stays in order of first offsets. */
const confirmTransactions = (log: PartitionLog, changed: ReadonlyMap<bigint, bigint | null>): void => {
  for (const producerId of changed.keys()) log.openTransactions.delete(producerId)
  const begun = Array.from(changed).filter((entry): entry is [bigint, bigint] => entry[1] !== null)
  begun.sort(([, a], [, b]) => (a < b ? -1 : 1))
  for (const [producerId, firstOffset] of begun) log.openTransactions.set(producerId, firstOffset)
}

/** Takes back the batch that was proposed last. */
export const retract = (
  log: PartitionLog,
  batch: Uint8Array,
  { assumed, end, producer, transaction }: Before
): void => {
  if (assumed === undefined) {
    log.assumed = undefined
    return
  }
  const producerId = RecordBatch.producerId(batch)
  if (producer !== undefined) assumed.producers.set(producerId, producer)
  else assumed.producers.delete(producerId)
  if (transaction !== undefined) assumed.transactions?.set(producerId, transaction)
  else assumed.transactions?.delete(producerId)
  log.assumed = { ...assumed, end }
}
