import { OffsetOutOfRange } from "@tusk/protocol/KafkaError"
import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"
import { highWatermark, lastStableOffset, readableEnd } from "../partitions/PartitionLog.ts"
import type { PartitionLog } from "../partitions/PartitionLog.ts"
import type { Bound, Bounds } from "../partitions/Bound.ts"
import type { Position } from "./Waiters.ts"

export interface ReadOptions {
  /** How far the reader may go. */
  readonly bound: Bound
  /** Over all partitions. */
  readonly maxBytes: number
  /** The first batch comes even if it is larger than every limit (KIP-74). */
  readonly atLeastOne: boolean
}

/** What was read of a partition, and where its ends were then: the position from which its reader waits for more. */
export interface PartitionRead extends Position, Bounds {
  readonly batches: ReadonlyArray<Uint8Array>
  readonly bytes: number
  readonly logStartOffset: bigint
  /** Aborted transactions among these batches, to be passed over; none for a reader up to the high watermark. */
  readonly aborted: ReadonlyArray<AbortedTransaction>
}

const NONE: ReadonlyArray<AbortedTransaction> = []

export const partitionRead = (
  log: PartitionLog,
  bound: Bound,
  batches: ReadonlyArray<Uint8Array>,
  aborted: ReadonlyArray<AbortedTransaction> = NONE
): PartitionRead => {
  let bytes = 0
  for (const batch of batches) bytes += batch.byteLength
  return {
    partitionId: log.partitionId,
    batches,
    bytes,
    bound,
    readableEnd: readableEnd(log, bound),
    highWatermark: highWatermark(log),
    lastStableOffset: lastStableOffset(log),
    logStartOffset: log.logStartOffset,
    aborted
  }
}

/** Whether aborted transactions may concern batches that are read from an offset on. */
export const mayBeAborted = (log: PartitionLog, bound: Bound, from: bigint): boolean =>
  bound === "LastStableOffset" && log.lastAborted >= from

/** Why nothing can be read at an offset; undefined if it can, or it is the end. */
export const outOfRange = (log: PartitionLog, offset: bigint): OffsetOutOfRange | undefined => {
  const { logStartOffset } = log
  const end = highWatermark(log)
  return offset < logStartOffset || offset > end
    ? new OffsetOutOfRange({ message: `offset ${offset} is not within ${logStartOffset}..${end}` })
    : undefined
}
