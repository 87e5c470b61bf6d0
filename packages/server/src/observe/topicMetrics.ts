/** Topics and their partitions, looked at for a page. */
import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { Log, PartitionEnd } from "@tusk/storage/log/Log"
import type { Topics } from "@tusk/storage/topics/Topics"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import { replicaStates } from "../request/Placement.ts"
import type { Placement } from "../request/Placement.ts"
import { kafkaMetrics } from "./kafkaMetrics.ts"
import type { Series } from "./Series.ts"
import { tuskMetrics } from "./tuskMetrics.ts"

export interface TopicSources {
  readonly log: Pick<Log["Service"], "ends">
  readonly topics: Topics["Service"]
  readonly placement: Placement["Service"]
  /** `tusk.metrics.max.partitions` */
  readonly maxPartitions: number
}

/** Where partitions begin and end, by their ids, as far as it is known. */
export type KnownEnds = ReadonlyMap<number, PartitionEnd>

/** So many at a time: clients have their turn in between. */
const SLICE = 500

const endsOf = Effect.fnUntraced(function* (log: TopicSources["log"], partitionIds: ReadonlyArray<number>) {
  const known = new Map<number, PartitionEnd>()
  for (let at = 0; at < partitionIds.length; at += SLICE) {
    const slice = partitionIds.slice(at, at + SLICE)
    const ends = yield* log.ends(slice)
    ends.forEach((end, i) => {
      if (!isKafkaError(end)) known.set(slice[i]!, end)
    })
    yield* Effect.yieldNow
  }
  return known
})

/** Topics and, unless there are too many, their partitions. Returns where partitions end. */
export const setTopics = Effect.fnUntraced(function* (series: Series, sources: TopicSources) {
  const { log, maxPartitions, placement, topics } = sources
  const all = topics.all()
  const partitionIds = all.flatMap((topic) => topic.partitionIds)
  const ends: KnownEnds = yield* endsOf(log, partitionIds)
  const hasTopics = all.length <= maxPartitions
  const hasPartitions = partitionIds.length <= maxPartitions
  series.set(kafkaMetrics.brokers, placement.nodeIds().size)
  series.set(tuskMetrics.topics, all.length)
  series.set(tuskMetrics.partitions, partitionIds.length)
  series.set(tuskMetrics.leftOut, hasTopics ? 0 : all.length, "topics")
  series.set(tuskMetrics.leftOut, hasPartitions ? 0 : partitionIds.length, "partitions")
  const statesOf = replicaStates(placement)
  for (const topic of all) {
    if (hasTopics) setTopic(series, topic, ends)
    if (hasPartitions) setPartitions(series, topic, ends, statesOf)
  }
  return ends
})

const setTopic = (series: Series, { name, partitionIds }: Topic, ends: KnownEnds): void => {
  series.set(kafkaMetrics.partitions, partitionIds.length, name)
  let current = 0n
  let oldest = 0n
  for (const partitionId of partitionIds) {
    const end = ends.get(partitionId)
    if (end === undefined) return
    current += end.highWatermark
    oldest += end.logStartOffset
  }
  series.set(tuskMetrics.currentOffsets, Number(current), name)
  series.set(tuskMetrics.oldestOffsets, Number(oldest), name)
}

const setPartitions = (
  series: Series,
  { name, partitionIds }: Topic,
  ends: KnownEnds,
  statesOf: ReturnType<typeof replicaStates>
): void => {
  partitionIds.forEach((partitionId, index) => {
    const partition = String(index)
    const { isrNodes, leaderId, replicaNodes } = statesOf(partitionId)
    if (leaderId >= 0) series.set(kafkaMetrics.leader, leaderId, name, partition)
    series.set(kafkaMetrics.replicas, replicaNodes.length, name, partition)
    series.set(kafkaMetrics.inSyncReplica, isrNodes.length, name, partition)
    series.set(kafkaMetrics.leaderIsPreferred, leaderId === replicaNodes[0] ? 1 : 0, name, partition)
    series.set(kafkaMetrics.underReplicated, isrNodes.length < replicaNodes.length ? 1 : 0, name, partition)
    const end = ends.get(partitionId)
    if (end === undefined) return
    series.set(kafkaMetrics.currentOffset, Number(end.highWatermark), name, partition)
    series.set(kafkaMetrics.oldestOffset, Number(end.logStartOffset), name, partition)
  })
}
