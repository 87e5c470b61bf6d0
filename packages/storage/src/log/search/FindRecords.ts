import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { BatchReader } from "../../port/BatchReader.ts"
import type { Store } from "../../port/Store.ts"
import { toKafkaError } from "../../port/toKafkaError.ts"
import type { OpenBatches } from "../batches/OpenBatches.ts"
import type { PartitionLog } from "../partitions/PartitionLog.ts"

type Found = Effect.Effect<RecordBatch.TimestampAndOffset | undefined, KafkaError>

/** Searches by time. The log start may rise while the store is read: it counts as it is when a batch is looked at. */
export interface FindRecords {
  /** The first record at or after a time, or undefined. */
  readonly byTimestamp: (log: PartitionLog, timestamp: bigint) => Found
  /** The first record with the greatest timestamp, or undefined if there is none. */
  readonly withMaxTimestamp: (log: PartitionLog) => Found
}

const SCAN_BYTES = 1 << 20

const later = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** Reads batches, and finds the first one of a time. */
export type SearchedStore = BatchReader & Pick<Store["Service"], "findByTimestamp">

export const makeFindRecords = (store: SearchedStore, open: OpenBatches["Service"]): FindRecords => {
  /** What is found in one batch; opened beside others, as it may become a hundred times as much. */
  const lookInto = (
    batch: Uint8Array,
    lookUp: RecordBatch.LookUp
  ): Effect.Effect<RecordBatch.TimestampAndOffset | undefined> =>
    Effect.map(open.look(batch, lookUp.steps), (found) => (isKafkaError(found) ? lookUp.unread : found))

  /** Batches from `offset` on, one after the other, until one of them gives an answer. */
  const scan = Effect.fnUntraced(function* (
    log: PartitionLog,
    from: bigint,
    lookUpIn: (batch: Uint8Array) => RecordBatch.LookUp | undefined,
    isAnswer: (found: RecordBatch.TimestampAndOffset) => boolean
  ) {
    let offset = from
    while (offset < log.committed.endOffset) {
      const request = { partitionId: log.partitionId, from: offset, maxBytes: SCAN_BYTES }
      const [read] = yield* Effect.mapError(store.read([request], SCAN_BYTES), toKafkaError)
      if (read === undefined || read.length === 0) return undefined
      for (const batch of read) {
        const lookUp = lookUpIn(batch)
        const found = lookUp === undefined ? undefined : yield* lookInto(batch, lookUp)
        if (found !== undefined && isAnswer(found)) return found
        offset = RecordBatch.lastOffset(batch) + 1n
      }
    }
    return undefined
  })

  const byTimestamp = Effect.fnUntraced(function* (log: PartitionLog, timestamp: bigint) {
    if (timestamp > log.committed.timestampHigh) return undefined
    const batch = yield* Effect.mapError(store.findByTimestamp(log.partitionId, timestamp), toKafkaError)
    if (batch === undefined) return undefined
    // The running maximum may stem from a batch that is deleted: then the answer lies further on. What went while a batch
    // was looked into is no answer either, and then a later record of the same batch may be one.
    while (true) {
      const found = yield* scan(
        log,
        later(RecordBatch.baseOffset(batch), log.logStartOffset),
        (candidate) => RecordBatch.lookUpTimestamp(candidate, timestamp, log.logStartOffset),
        () => true
      )
      if (found === undefined || found.offset >= log.logStartOffset) return found
    }
  })

  const withMaxTimestamp = Effect.fnUntraced(function* (log: PartitionLog) {
    const exact = yield* byTimestamp(log, log.committed.timestampHigh)
    if (exact !== undefined) return exact
    while (log.logStartOffset < log.committed.endOffset) {
      let best: RecordBatch.TimestampAndOffset | undefined
      const isBest = (found: RecordBatch.TimestampAndOffset): boolean => {
        if (best === undefined || found.timestamp > best.timestamp) best = found
        return false
      }
      yield* scan(
        log,
        log.logStartOffset,
        (batch) => RecordBatch.lookUpMaxTimestamp(batch, log.logStartOffset, best?.timestamp),
        isBest
      )
      // The best one went while those behind it were looked at: what is left is less.
      if (best === undefined || best.offset >= log.logStartOffset) return best
    }
    return undefined
  })

  return { byTimestamp, withMaxTimestamp }
}
