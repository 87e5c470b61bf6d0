import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { Store } from "../Store.ts"
import { toKafkaError } from "../toKafkaError.ts"
import type { PartitionLog } from "./PartitionLog.ts"

type Found = Effect.Effect<RecordBatch.TimestampAndOffset | undefined, KafkaError>

/** Searches by time. The log start may rise while the store is read: what counts is where it is when a batch is looked at. */
export interface FindRecords {
  /** The first record at or after a time, or undefined. */
  readonly byTimestamp: (log: PartitionLog, timestamp: bigint) => Found
  /** The first record with the greatest timestamp, or undefined where there is none. */
  readonly withMaxTimestamp: (log: PartitionLog) => Found
}

const SCAN_BYTES = 1 << 20

export const makeFindRecords = (store: Store["Service"]): FindRecords => {
  /** Batches from `offset` on, one after the other, until one of them gives an answer. */
  const scan = Effect.fnUntraced(function* <A>(
    log: PartitionLog,
    from: bigint,
    look: (batch: Uint8Array) => A | undefined
  ) {
    let offset = from
    while (offset < log.committed.endOffset) {
      const request = { partitionId: log.partitionId, from: offset, maxBytes: SCAN_BYTES }
      const [read] = yield* Effect.mapError(store.read([request], SCAN_BYTES), toKafkaError)
      if (read === undefined || read.length === 0) return undefined
      for (const batch of read) {
        const answer = look(batch)
        if (answer !== undefined) return answer
        offset = RecordBatch.lastOffset(batch) + 1n
      }
    }
    return undefined
  })

  const byTimestamp = Effect.fnUntraced(function* (log: PartitionLog, timestamp: bigint) {
    if (timestamp > log.committed.timestampHigh) return undefined
    const batch = yield* Effect.mapError(store.findByTimestamp(log.partitionId, timestamp), toKafkaError)
    if (batch === undefined) return undefined
    // The running maximum may stem from a batch that is deleted: then the answer lies further on.
    return yield* scan(log, RecordBatch.baseOffset(batch), (candidate) =>
      RecordBatch.findOffsetByTimestamp(candidate, timestamp, log.logStartOffset)
    )
  })

  const withMaxTimestamp = Effect.fnUntraced(function* (log: PartitionLog) {
    const exact = yield* byTimestamp(log, log.committed.timestampHigh)
    if (exact !== undefined) return exact
    while (log.logStartOffset < log.committed.endOffset) {
      let best: RecordBatch.TimestampAndOffset | undefined
      yield* scan(log, log.logStartOffset, (batch) => {
        const candidate = RecordBatch.maxTimestampOffset(batch, log.logStartOffset)
        if (candidate !== undefined && (best === undefined || candidate.timestamp > best.timestamp)) best = candidate
        return undefined
      })
      // The best one went while those behind it were looked at: what is left is less.
      if (best === undefined || best.offset >= log.logStartOffset) return best
    }
    return undefined
  })

  return { byTimestamp, withMaxTimestamp }
}
