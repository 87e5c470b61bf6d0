import type { KafkaError } from "@tusk/protocol/KafkaError"
import type * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { OpenBatches } from "../batches/OpenBatches.ts"
import { endOfEpoch } from "../partitions/LeaderEpochs.ts"
import type { EpochEnd } from "../partitions/LeaderEpochs.ts"
import type { Partitions } from "../partitions/Partitions.ts"
import { makeFindRecords } from "./FindRecords.ts"
import type { SearchedStore } from "./FindRecords.ts"

type Found = Effect.Effect<RecordBatch.TimestampAndOffset | undefined, KafkaError>

/** What is found in a partition by time, and by epoch. */
export interface Search {
  /** The first record at or after a time, in milliseconds. */
  readonly findByTimestamp: (partitionId: number, timestamp: bigint) => Found
  /** The first record with the greatest timestamp. */
  readonly findMaxTimestamp: (partitionId: number) => Found
  /** As OffsetForLeaderEpoch tells it. */
  readonly endOfEpoch: (partitionId: number, epoch: number) => Effect.Effect<EpochEnd | undefined, KafkaError>
}

export const makeSearch = (
  partitions: Partitions,
  store: SearchedStore,
  open: OpenBatches["Service"],
  currentEpoch: () => number
): Search => {
  const records = makeFindRecords(store, open)
  return {
    findByTimestamp: (partitionId, timestamp) =>
      Effect.flatMap(partitions.get(partitionId), ({ log }) => records.byTimestamp(log, timestamp)),
    findMaxTimestamp: (partitionId) =>
      Effect.flatMap(partitions.get(partitionId), ({ log }) => records.withMaxTimestamp(log)),
    endOfEpoch: (partitionId, epoch) =>
      Effect.map(partitions.get(partitionId), ({ log }) => endOfEpoch(log, epoch, currentEpoch()))
  }
}
