import * as Effect from "effect/Effect"
import { EARLIEST, LATEST, listOffsets, MAX_TIMESTAMP } from "@tusk/client/admin/Offsets"
import { Refused } from "@tusk/client/ClientError"
import type { ClientError } from "@tusk/client/ClientError"
import type { KafkaClient } from "@tusk/client/KafkaClient"
import type { TopicMetadata, TopicPartition } from "@tusk/client/Metadata"
import type { Place } from "../values/Place.ts"

/** An offset in a partition. */
export interface PlacedOffset extends TopicPartition {
  readonly offset: bigint
}

/** Every partition of the topics. */
export const partitionsOf = (topics: ReadonlyArray<TopicMetadata>): ReadonlyArray<TopicPartition> =>
  topics.flatMap(({ name: topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition })))

/** Offsets at a time, or the first error. -1 where no record is that late. */
export const offsetsAt = (
  places: ReadonlyArray<TopicPartition>,
  time: bigint,
  isolation?: "read_committed"
): Effect.Effect<ReadonlyArray<PlacedOffset>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const found = yield* listOffsets(places, time, isolation)
    const offsets: Array<PlacedOffset> = []
    for (const { partition, result, topic } of found) {
      if (result instanceof Refused) return yield* result
      offsets.push({ topic, partition, offset: result.offset })
    }
    return offsets
  })

/** The offset of a place in each partition, never beyond its beginning and end. */
export const offsetsOf = (
  places: ReadonlyArray<TopicPartition>,
  place: Place,
  isolation?: "read_committed"
): Effect.Effect<ReadonlyArray<PlacedOffset>, ClientError, KafkaClient> => {
  switch (place._tag) {
    case "Earliest":
      return offsetsAt(places, EARLIEST)
    case "Latest":
      return offsetsAt(places, LATEST, isolation)
    case "MaxTimestamp":
      return offsetsAt(places, MAX_TIMESTAMP)
    case "Offset":
      return within(places, () => place.offset, isolation)
    case "BeforeEnd":
      return within(places, (end) => end - place.records, isolation)
    case "Time":
      return Effect.gen(function* () {
        const [found, ends] = yield* Effect.all([offsetsAt(places, place.time), offsetsAt(places, LATEST, isolation)], {
          concurrency: 2
        })
        return found.map((each, i) => (each.offset === -1n ? ends[i]! : each))
      })
  }
}

/** What `wanted` makes of a partition's end, held between beginning and end. */
export const within = (
  places: ReadonlyArray<TopicPartition>,
  wanted: (end: bigint, place: TopicPartition) => bigint,
  isolation?: "read_committed"
): Effect.Effect<ReadonlyArray<PlacedOffset>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const [begins, ends] = yield* Effect.all([offsetsAt(places, EARLIEST), offsetsAt(places, LATEST, isolation)], {
      concurrency: 2
    })
    return places.map(({ partition, topic }, i) => {
      const [begin, end] = [begins[i]!.offset, ends[i]!.offset]
      const offset = wanted(end, { topic, partition })
      return { topic, partition, offset: offset < begin ? begin : offset > end ? end : offset }
    })
  })
