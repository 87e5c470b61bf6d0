import { isKafkaError, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import { AbortedBatches } from "@tusk/storage/log/partitions/AbortedBatches"
import type { Log } from "@tusk/storage/log/Log"
import type { Offsets } from "@tusk/storage/offsets/Offsets"
import type { ShadowPlace } from "@tusk/storage/port/ShadowRows"
import type { Configs } from "@tusk/storage/topics/Configs"
import type { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { mirrored } from "./configs.ts"
import type { ShadowSource } from "./ShadowPorts.ts"

const TOPIC = 2

/** Where the log of this process is. */
export interface LogPorts {
  readonly clusterId: string
  readonly log: Pick<Log["Service"], "read" | "ends" | "awaitBytes">
  readonly topics: Pick<Topics["Service"], "all" | "byName" | "ofPartition">
  readonly configs: Pick<Configs["Service"], "of">
  readonly offsets: Pick<Offsets["Service"], "groupIds" | "fetch">
}

const isInternal = (name: string): boolean => name.startsWith("__")

/** The log of this process. */
export const logSource = ({ clusterId, configs, log, offsets, topics }: LogPorts): ShadowSource => {
  const idOf = ({ partition, topic }: ShadowPlace) => {
    const partitionId = topics.byName(topic)?.partitionIds[partition]
    return partitionId === undefined ? Effect.fail(new UnknownTopicOrPartition()) : Effect.succeed(partitionId)
  }

  const ends = Effect.fnUntraced(function* (place: ShadowPlace) {
    const [end] = yield* log.ends([yield* idOf(place)])
    return isKafkaError(end!) ? yield* end : end!
  })

  const read = Effect.fnUntraced(function* (place: ShadowPlace, from: bigint, maxBytes: number) {
    const options = { bound: "LastStableOffset", maxBytes, atLeastOne: true } as const
    const [found] = yield* log.read([{ partitionId: yield* idOf(place), from, maxBytes }], options)
    if (isKafkaError(found!)) {
      if (found._tag !== "OffsetOutOfRange") return yield* found
      const { lastStableOffset, logStartOffset } = yield* ends(place)
      return { batches: [], isAborted: () => false, logStartOffset, lastStableOffset, emptyUntil: from }
    }
    const { aborted, batches, lastStableOffset, logStartOffset, readableEnd } = found!
    const known = new AbortedBatches(aborted)
    const isAborted = (batch: Uint8Array) => known.has(batch)
    return { batches, isAborted, logStartOffset, lastStableOffset, emptyUntil: readableEnd }
  })

  return {
    clusterId: Effect.succeed(clusterId),
    topics: Effect.sync(() =>
      topics
        .all()
        .filter(({ name }) => !isInternal(name))
        .map(({ name, partitionIds, topicId }) => ({
          name,
          topicId,
          partitions: partitionIds.length,
          configs: mirrored(configs.of(TOPIC, name))
        }))
    ),
    ends,
    read,
    moved: (place, readableEnd) =>
      Effect.flatMap(idOf(place), (partitionId) =>
        log.awaitBytes([{ partitionId, bound: "LastStableOffset", readableEnd }], 1)
      ),
    groups: Effect.sync(() =>
      Array.from(offsets.groupIds(), (group) => ({
        group,
        offsets: Array.from(offsets.fetch(group)).flatMap(([partitionId, { offset }]) => {
          const found = topics.ofPartition(partitionId)
          return found === undefined ? [] : [{ topic: found.topic.name, partition: found.index, offset }]
        })
      }))
    )
  }
}
