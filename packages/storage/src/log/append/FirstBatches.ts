import { OutOfOrderSequenceNumber } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"

/** Producers remembered; the longest ago go first. */
const MOST = 10_000

/**
 * First batches of producers that could not be stored. A partition that knows nothing of a producer takes its batch
 * whatever the sequence; so if the first of several batches in flight fails, the second would be taken, and the first
 * never again. Until the failed one is repeated, its successors are out of order. Outlives a take-over, not the
 * process: a client has lost its connection then, and sends all of them again.
 */
export interface FirstBatches {
  /** The batch was not stored, or that is not known; or it was turned away before it had its place. */
  readonly failed: (partitionId: number, batch: Uint8Array) => void
  /** One of this producer was stored. */
  readonly stored: (partitionId: number, batch: Uint8Array) => void
  /** Whether a batch of a producer that the partition does not know must wait for another one. */
  readonly refusal: (partitionId: number, batch: Uint8Array) => OutOfOrderSequenceNumber | undefined
}

/** Sequences go on at 0 behind 2^31 - 1. */
const HALF_OF_ALL = 0x4000_0000

/** Whether it is to come before the one that failed: not every failure comes in the order of batches. */
const isBefore = (batch: Uint8Array, { sequence }: { readonly sequence: number }): boolean => {
  const distance = (sequence - RecordBatch.baseSequence(batch)) & 0x7fff_ffff
  return distance > 0 && distance < HALF_OF_ALL
}

export const makeFirstBatches = (): FirstBatches => {
  const firsts = new Map<string, { readonly epoch: number; readonly sequence: number }>()
  const keyOf = (partitionId: number, batch: Uint8Array) => `${partitionId}/${RecordBatch.producerId(batch)}`
  const find = (partitionId: number, batch: Uint8Array) => {
    if (firsts.size === 0) return undefined
    const first = firsts.get(keyOf(partitionId, batch))
    return first?.epoch === RecordBatch.producerEpoch(batch) ? first : undefined
  }
  return {
    failed: (partitionId, batch) => {
      const first = find(partitionId, batch)
      if (RecordBatch.producerId(batch) < 0n || (first !== undefined && !isBefore(batch, first))) return
      for (const oldest of firsts.keys()) {
        if (firsts.size < MOST) break
        firsts.delete(oldest)
      }
      firsts.set(keyOf(partitionId, batch), {
        epoch: RecordBatch.producerEpoch(batch),
        sequence: RecordBatch.baseSequence(batch)
      })
    },
    stored: (partitionId, batch) => {
      if (firsts.size > 0) firsts.delete(keyOf(partitionId, batch))
    },
    refusal: (partitionId, batch) => {
      const first = find(partitionId, batch)
      const sequence = RecordBatch.baseSequence(batch)
      if (first === undefined || sequence === first.sequence || isBefore(batch, first)) return undefined
      return new OutOfOrderSequenceNumber({
        message: `sequence ${sequence} came where ${first.sequence}, which could not be stored, is next`
      })
    }
  }
}
