import { InvalidProducerEpoch, OutOfOrderSequenceNumber } from "@tusk/protocol/KafkaError"
import type { StoredBatchHead } from "../../port/StateLoader.ts"

/**
 * What a partition knows of one idempotent producer: its epoch and its last five batches, newest last (KIP-98, KIP-360).
 *
 * | batch that comes | verdict |
 * |---|---|
 * | epoch below the known one | `InvalidProducerEpoch` |
 * | same epoch, same first and last sequence as one of the five | duplicate of that batch |
 * | same epoch, first sequence follows the last one | next |
 * | same epoch, anything else | `OutOfOrderSequenceNumber` |
 * | newer epoch, first sequence 0 | next |
 * | newer epoch, anything else | `OutOfOrderSequenceNumber` |
 * | producer unknown here | next, whatever the sequence |
 *
 * The marker of a transaction has no sequence. With a newer epoch, as all have of producers that raise theirs at each end
 * (KIP-890), what was remembered is of no use any more.
 */
export interface ProducerState {
  readonly producerEpoch: number
  readonly batches: ReadonlyArray<ProducerBatch>
  /** Time of its last append, milliseconds: what expiry goes by. */
  readonly lastTimestamp: bigint
  /** Of the coordinator that wrote its last marker; -1 for none. */
  readonly coordinatorEpoch: number
}

export interface ProducerBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: bigint
  /** Milliseconds, -1 unless the topic stamps records itself. */
  readonly logAppendTime: bigint
}

export type SequenceError = InvalidProducerEpoch | OutOfOrderSequenceNumber

/** Batches remembered per producer: as many as a client may have in flight. */
export const REMEMBERED_BATCHES = 5

/** The sequence `delta` after `sequence`; sequences wrap to 0 past 2^31-1. */
export const sequenceAfter = (sequence: number, delta: number): number => {
  const next = sequence + delta
  return next > 0x7fffffff ? next - 0x80000000 : next
}

/** A batch this one repeats, an error, or undefined: it is the next one. */
export const judgeSequence = (
  known: ProducerState | undefined,
  producerEpoch: number,
  baseSequence: number,
  lastSequence: number
): ProducerBatch | SequenceError | undefined => {
  if (known === undefined) return undefined
  if (producerEpoch < known.producerEpoch) {
    return new InvalidProducerEpoch({
      message: `producer epoch ${producerEpoch} is older than ${known.producerEpoch}`
    })
  }
  if (producerEpoch > known.producerEpoch) {
    return baseSequence === 0
      ? undefined
      : new OutOfOrderSequenceNumber({ message: `a new producer epoch starts at sequence 0, not ${baseSequence}` })
  }
  for (const batch of known.batches) {
    if (batch.baseSequence === baseSequence && batch.lastSequence === lastSequence) return batch
  }
  const last = known.batches[known.batches.length - 1]
  if (last === undefined || sequenceAfter(last.lastSequence, 1) === baseSequence) return undefined
  return new OutOfOrderSequenceNumber({
    message: `sequence ${baseSequence} came where ${sequenceAfter(last.lastSequence, 1)} is next`
  })
}

export const afterBatch = (
  known: ProducerState | undefined,
  producerEpoch: number,
  batch: ProducerBatch,
  timestamp: bigint
): ProducerState => {
  const earlier = known !== undefined && known.producerEpoch === producerEpoch ? known.batches : []
  return {
    producerEpoch,
    batches: [...earlier.slice(1 - REMEMBERED_BATCHES), batch],
    lastTimestamp: timestamp,
    coordinatorEpoch: known?.coordinatorEpoch ?? -1
  }
}

export const afterMarker = (
  known: ProducerState | undefined,
  producerEpoch: number,
  coordinatorEpoch: number,
  timestamp: bigint
): ProducerState => ({
  // An epoch never goes back.
  producerEpoch: known !== undefined && known.producerEpoch > producerEpoch ? known.producerEpoch : producerEpoch,
  batches: known !== undefined && known.producerEpoch >= producerEpoch ? known.batches : [],
  lastTimestamp: timestamp,
  coordinatorEpoch
})

/** Version 1 lacks the coordinator's epoch. */
const SNAPSHOT_VERSION = 2

type SnapshotBatch = [baseSequence: number, lastSequence: number, baseOffset: string, logAppendTime: string]

type SnapshotRow = [
  producerId: string,
  epoch: number,
  lastTimestamp: string,
  coordinatorEpoch: number,
  ...batches: Array<SnapshotBatch>
]

/** The text a snapshot is stored as. */
export const encodeSnapshot = (producers: ReadonlyMap<bigint, ProducerState>): Uint8Array => {
  const rows: Array<SnapshotRow> = []
  for (const [producerId, state] of producers) {
    rows.push([
      String(producerId),
      state.producerEpoch,
      String(state.lastTimestamp),
      state.coordinatorEpoch,
      ...state.batches.map((batch): SnapshotBatch => [
        batch.baseSequence,
        batch.lastSequence,
        String(batch.baseOffset),
        String(batch.logAppendTime)
      ])
    ])
  }
  return Buffer.from(JSON.stringify({ version: SNAPSHOT_VERSION, rows }))
}

const snapshotRows = (snapshot: Uint8Array): ReadonlyArray<SnapshotRow> => {
  const { rows, version } = JSON.parse(Buffer.from(snapshot).toString()) as {
    readonly rows: ReadonlyArray<SnapshotRow>
    readonly version: number
  }
  if (version !== 1) return rows
  return rows.map(([producerId, epoch, lastTimestamp, ...batches]): SnapshotRow => {
    return [producerId, epoch, lastTimestamp, -1, ...(batches as ReadonlyArray<unknown> as Array<SnapshotBatch>)]
  })
}

/** A marker is written by the epoch in which it is appended, unless an operator ends what hangs. */
const afterHead = (known: ProducerState | undefined, head: StoredBatchHead): ProducerState => {
  const { baseOffset, baseSequence, leaderEpoch, maxTimestamp, producerEpoch } = head
  if (baseSequence < 0) return afterMarker(known, producerEpoch, leaderEpoch, maxTimestamp)
  const lastSequence = sequenceAfter(baseSequence, Number(head.lastOffset - baseOffset))
  return afterBatch(known, producerEpoch, { baseSequence, lastSequence, baseOffset, logAppendTime: -1n }, maxTimestamp)
}

/** Producer states as of a snapshot (or none) and the batches stored since. */
export const restoreProducers = (
  snapshot: Uint8Array | null,
  since: ReadonlyArray<StoredBatchHead>
): Map<bigint, ProducerState> => {
  const producers = new Map<bigint, ProducerState>()
  if (snapshot !== null) {
    for (const [producerId, producerEpoch, lastTimestamp, coordinatorEpoch, ...batches] of snapshotRows(snapshot)) {
      producers.set(BigInt(producerId), {
        producerEpoch,
        lastTimestamp: BigInt(lastTimestamp),
        coordinatorEpoch,
        batches: batches.map(([baseSequence, lastSequence, baseOffset, logAppendTime]) => ({
          baseSequence,
          lastSequence,
          baseOffset: BigInt(baseOffset),
          logAppendTime: BigInt(logAppendTime)
        }))
      })
    }
  }
  for (const head of since) {
    const state = afterHead(producers.get(head.producerId), head)
    // In order of last use, as expiry goes by it.
    producers.delete(head.producerId)
    producers.set(head.producerId, state)
  }
  return producers
}
