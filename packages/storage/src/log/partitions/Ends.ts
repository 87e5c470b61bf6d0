import { isKafkaError, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { kafkaErrorOf } from "../../port/toKafkaError.ts"
import type { Bounds } from "./Bound.ts"
import { epochAt } from "./LeaderEpochs.ts"
import { highWatermark, lastStableOffset } from "./PartitionLog.ts"
import type { PartitionLog } from "./PartitionLog.ts"
import type { Partitions } from "./Partitions.ts"

/** Both ends of a partition, as of one moment. */
export interface PartitionEnd extends Bounds {
  readonly logStartOffset: bigint
  /** Batches below have moved to objects, as a topic's second tier; 0 for none. May lie below the log start. */
  readonly localStartOffset: bigint
  /** Bytes ever appended. */
  readonly cumulativeBytes: bigint
  /** The greatest timestamp of all; -1 for none. */
  readonly timestampHigh: bigint
  /** The leader epoch of a record at an offset; -1 for none known. */
  readonly epochAt: (offset: bigint) => number
}

/** Where the second tier ends: batches below have moved, or are gone. */
export const localStart = ({
  localStartOffset,
  logStartOffset
}: Pick<PartitionEnd, "localStartOffset" | "logStartOffset">): bigint =>
  localStartOffset > logStartOffset ? localStartOffset : logStartOffset

/** With the bytes of the batches that are there, which may have to be added up first. */
export interface MeasuredEnd extends PartitionEnd {
  readonly sizeBytes: bigint
}

/** A producer of a partition, as DescribeProducers tells it. Numbers are -1 if there is none. */
export interface ActiveProducer {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly lastSequence: number
  /** Milliseconds since the epoch. */
  readonly lastTimestamp: bigint
  readonly coordinatorEpoch: number
  readonly transactionStartOffset: bigint
}

/** Tells where partitions begin and end, how large they are, and which producers write to them. */
export interface Ends {
  /** One result a partition. */
  readonly ends: (partitionIds: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<PartitionEnd | KafkaError>>
  /** The same, with the bytes of each. */
  readonly measured: (partitionIds: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<MeasuredEnd | KafkaError>>
  readonly producers: (partitionId: number) => Effect.Effect<ReadonlyArray<ActiveProducer>, KafkaError>
  /** Takes the bytes of a partition from the store anew. */
  readonly measure: (partitionId: number) => Effect.Effect<void, StoreError>
}

export const makeEnds = (
  partitions: Partitions,
  store: Pick<Store["Service"], "sizeOf">,
  currentEpoch: () => number
): Ends => {
  const endOf = (log: PartitionLog): PartitionEnd => ({
    logStartOffset: log.logStartOffset,
    localStartOffset: log.localStartOffset,
    highWatermark: highWatermark(log),
    lastStableOffset: lastStableOffset(log),
    cumulativeBytes: log.committed.cumulativeBytes,
    timestampHigh: log.committed.timestampHigh,
    epochAt: (offset) => epochAt(log, offset, currentEpoch())
  })

  const ends = Effect.fnUntraced(function* (partitionIds: ReadonlyArray<number>) {
    const loading = partitions.loading(partitionIds)
    const error = loading === undefined ? undefined : yield* kafkaErrorOf(loading)
    return partitionIds.map((partitionId): PartitionEnd | KafkaError => {
      const log = partitions.find(partitionId)?.log
      return log === undefined ? (error ?? new UnknownTopicOrPartition()) : endOf(log)
    })
  })

  const measure = (partitionId: number): Effect.Effect<void, StoreError> =>
    Effect.map(store.sizeOf(partitionId), (stored) => {
      const log = partitions.find(partitionId)?.log
      if (stored === undefined || log === undefined) return
      const gone = stored.cumulativeBytes - stored.sizeBytes
      if (log.bytesGone === undefined || gone > log.bytesGone) log.bytesGone = gone
    })

  const sized = Effect.fnUntraced(function* (partitionId: number, end: PartitionEnd) {
    const gone = () => partitions.find(partitionId)?.log.bytesGone
    if (gone() === undefined) {
      const error = yield* kafkaErrorOf(measure(partitionId))
      if (error !== undefined) return error
    }
    const bytes = gone()
    if (bytes === undefined) return new UnknownTopicOrPartition()
    return { ...end, sizeBytes: end.cumulativeBytes - bytes }
  })

  const measured = Effect.fnUntraced(function* (partitionIds: ReadonlyArray<number>) {
    const found = yield* ends(partitionIds)
    return yield* Effect.forEach(found, (end, i) =>
      isKafkaError(end) ? Effect.succeed(end) : sized(partitionIds[i]!, end)
    )
  })

  const producers = (partitionId: number) =>
    Effect.map(partitions.get(partitionId), ({ log }) =>
      Array.from(log.producers, ([producerId, state]): ActiveProducer => ({
        producerId,
        producerEpoch: state.producerEpoch,
        lastSequence: state.batches.at(-1)?.lastSequence ?? -1,
        lastTimestamp: state.lastTimestamp,
        coordinatorEpoch: state.coordinatorEpoch,
        transactionStartOffset: log.openTransactions.get(producerId) ?? -1n
      }))
    )

  return { ends, measured, producers, measure }
}
