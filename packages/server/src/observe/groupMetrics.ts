/** Groups and transactions, looked at for a page. */
import type { Groups } from "@tusk/coordinator/group/shell/Groups"
import type { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import type { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { Offsets } from "@tusk/storage/offsets/Offsets"
import type { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import type { ConsumeAge } from "./ConsumeAge.ts"
import { kafkaMetrics } from "./kafkaMetrics.ts"
import type { Series } from "./Series.ts"
import type { KnownEnds } from "./topicMetrics.ts"
import { tuskMetrics } from "./tuskMetrics.ts"

export interface GroupSources {
  readonly groups: Pick<Groups["Service"], "listGroups">
  readonly offsets: Pick<Offsets["Service"], "fetch">
  readonly shared: Pick<SharePartitions["Service"], "startOffsets">
  readonly topics: Pick<Topics["Service"], "ofPartition">
  readonly age: ConsumeAge
  readonly ends: KnownEnds
  /** `tusk.metrics.max.partitions` */
  readonly maxPartitions: number
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

/** How far a group has come in a partition. */
interface Place {
  readonly groupId: string
  readonly topic: string
  readonly index: number
  readonly partitionId: number
  readonly offset: bigint
}

/** Groups and, unless there are too many, how far each has come. */
export const setGroups = Effect.fnUntraced(function* (series: Series, sources: GroupSources) {
  const { groups, maxPartitions } = sources
  const listed = yield* groups.listGroups({ states: [], types: [] })
  const hasGroups = listed.length <= maxPartitions
  const counts = new Map<string, number>()
  const places: Array<Place> = []
  for (const { groupId, members, state, type } of listed) {
    const key = `${type} ${state}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (!hasGroups) continue
    series.set(kafkaMetrics.groupMembers, members, groupId)
    for (const place of yield* placesOf(sources, groupId, type)) places.push(place)
  }
  for (const [key, count] of counts) series.set(tuskMetrics.groups, count, ...key.split(" "))
  const hasPartitions = places.length <= maxPartitions
  series.set(tuskMetrics.leftOut, hasGroups ? 0 : listed.length, "groups")
  series.set(tuskMetrics.leftOut, hasPartitions ? 0 : places.length, "group_partitions")
  yield* setLag(series, sources, places, hasPartitions)
})

/** A share group has no committed offsets: where it starts is below all that it has not done. */
const placesOf = Effect.fnUntraced(function* (
  { offsets, shared, topics }: GroupSources,
  groupId: string,
  type: string
) {
  const reached = new Map<number, bigint>()
  if (type === "share") {
    const starts = yield* Effect.orElseSucceed(shared.startOffsets(groupId), () => new Map<number, never>())
    for (const [partitionId, start] of starts) if (!isKafkaError(start)) reached.set(partitionId, start)
  } else for (const [partitionId, { offset }] of offsets.fetch(groupId)) reached.set(partitionId, offset)
  return Array.from(reached).flatMap(([partitionId, offset]): Array<Place> => {
    const found = topics.ofPartition(partitionId)
    return found === undefined || offset < 0n
      ? []
      : [{ groupId, topic: found.topic.name, index: found.index, partitionId, offset }]
  })
})

interface Sums {
  readonly labels: readonly [groupId: string, topic: string]
  offset: bigint
  lag: bigint
  /** The oldest of the batches that are not consumed; undefined: there is none. */
  oldest: bigint | undefined
  isAgeKnown: boolean
}

const setLag = Effect.fnUntraced(function* (
  series: Series,
  { age, ends, nowMs }: GroupSources,
  places: ReadonlyArray<Place>,
  hasPartitions: boolean
) {
  const all = new Map<string, Sums>()
  age.begin()
  for (const { groupId, index, offset, partitionId, topic } of places) {
    const key = `${topic}/${groupId}`
    let sums = all.get(key)
    if (sums === undefined) {
      all.set(key, (sums = { labels: [groupId, topic], offset: 0n, lag: 0n, oldest: undefined, isAgeKnown: true }))
    }
    sums.offset += offset
    const labels = [groupId, topic, String(index)]
    if (hasPartitions) series.set(kafkaMetrics.groupCurrentOffset, Number(offset), ...labels)
    const end = ends.get(partitionId)
    if (end === undefined) continue
    const lag = end.highWatermark - offset
    sums.lag += lag
    if (hasPartitions) series.set(kafkaMetrics.groupLag, Number(lag), ...labels)
    if (lag <= 0n) continue
    const from = offset < end.logStartOffset ? end.logStartOffset : offset
    const timestamp = from >= end.highWatermark ? undefined : yield* age.of(groupId, partitionId, from)
    if (timestamp === undefined) sums.isAgeKnown = from >= end.highWatermark
    else if (sums.oldest === undefined || timestamp < sums.oldest) sums.oldest = timestamp
  }
  for (const { isAgeKnown, labels, lag, offset, oldest } of all.values()) {
    series.set(kafkaMetrics.groupCurrentOffsetSum, Number(offset), ...labels)
    series.set(kafkaMetrics.groupLagSum, Number(lag), ...labels)
    const seconds = oldest === undefined ? 0 : Math.max(0, nowMs - Number(oldest)) / 1000
    if (isAgeKnown || oldest !== undefined) series.set(tuskMetrics.groupLagSeconds, seconds, ...labels)
  }
})

export const setTransactions = (series: Series, transactions: Transactions["Service"], nowMs: number): void => {
  let known = 0
  let open = 0
  let oldestMs = nowMs
  for (const [, { phase, startedAtMs }] of transactions.all()) {
    known++
    if (phase !== "Ongoing") continue
    open++
    oldestMs = Math.min(oldestMs, startedAtMs)
  }
  series.set(tuskMetrics.transactionalIds, known)
  series.set(tuskMetrics.transactions, open)
  series.set(tuskMetrics.oldestTransaction, (nowMs - oldestMs) / 1000)
}
