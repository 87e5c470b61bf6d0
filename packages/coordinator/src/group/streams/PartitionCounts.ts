/**
 * How many partitions an application's own topics get, as Apache Kafka 4.3.1 decides it: a repartition topic as many as
 * it wants or as the widest topic read by the subtopology that writes it, then as many as those it is copartitioned
 * with; a changelog as many as its subtopology has tasks.
 *
 * Differences from Kafka: a wish for a number binds only the topics copartitioned with that topic, not all
 * repartition topics of the application; a topology without an answer is refused by name in every case.
 */
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { StreamsStatus } from "./StreamsStatus.ts"
import { invalid } from "./Topology.ts"
import type { CopartitionGroup, Subtopology, Topology } from "./Topology.ts"

/** How many partitions a topic has; undefined if there is no such topic. */
export type PartitionsOf = (topic: string) => number | undefined

interface Decided {
  readonly counts: ReadonlyMap<string, number>
}

/** All source topics exist. */
export const decidePartitions = (
  topology: Topology,
  partitionsOf: PartitionsOf
): Decided | StreamsStatus | KafkaError => {
  const { subtopologies } = topology
  const counts = new Map<string, number>()
  const fixed = new Map<string, number>()
  const repartition = new Set<string>()
  for (const { repartitionSourceTopics } of subtopologies) {
    for (const { name, partitions } of repartitionSourceTopics) {
      repartition.add(name)
      if (partitions !== 0) fixed.set(name, partitions)
    }
  }
  for (const [name, partitions] of fixed) counts.set(name, partitions)
  const unsolved = fromSources(subtopologies, counts, partitionsOf)
  if (unsolved !== null) return unsolved

  const countOf: PartitionsOf = (topic) => partitionsOf(topic) ?? counts.get(topic)
  for (const subtopology of subtopologies) {
    for (const group of subtopology.copartitionGroups) {
      const wrong = copartition(membersOf(subtopology, group), repartition, fixed, counts, countOf)
      if (wrong !== null) return wrong
    }
  }
  for (const { repartitionSourceTopics, sourceTopics, stateChangelogTopics, subtopologyId } of subtopologies) {
    let widest = 0
    for (const topic of sourceTopics) widest = Math.max(widest, countOf(topic) ?? 0)
    for (const { name } of repartitionSourceTopics) widest = Math.max(widest, countOf(name) ?? 0)
    if (widest === 0) return invalid(`No source topics found for subtopology ${subtopologyId}`)
    for (const { name } of stateChangelogTopics) counts.set(name, widest)
  }
  return { counts }
}

/** Each subtopology gives what it writes as many partitions as the widest topic it reads; through chains of them. */
const fromSources = (
  subtopologies: ReadonlyArray<Subtopology>,
  counts: Map<string, number>,
  partitionsOf: PartitionsOf
): KafkaError | null => {
  for (let open = true, progress = true; open;) {
    if (!progress) {
      return invalid("The numbers of partitions of repartition topics depend on one another in a circle.")
    }
    open = progress = false
    for (const subtopology of subtopologies) {
      for (const sink of subtopology.repartitionSinkTopics) {
        if (counts.has(sink)) continue
        const widest = widestSource(subtopology, counts, partitionsOf)
        if (widest === undefined) open = true
        else {
          counts.set(sink, widest)
          progress = true
        }
      }
    }
  }
  for (const { repartitionSourceTopics } of subtopologies) {
    const orphan = repartitionSourceTopics.find(({ name }) => !counts.has(name))
    if (orphan !== undefined) return invalid(`Repartition topic ${orphan.name} is read but never written.`)
  }
  return null
}

const widestSource = (
  { repartitionSourceTopics, sourceTopics }: Subtopology,
  counts: ReadonlyMap<string, number>,
  partitionsOf: PartitionsOf
): number | undefined => {
  const known = [
    ...repartitionSourceTopics.map(({ name }) => counts.get(name)),
    ...sourceTopics.map(partitionsOf)
  ].filter((count) => count !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

const membersOf = (subtopology: Subtopology, group: CopartitionGroup): ReadonlySet<string> =>
  new Set([
    ...group.sourceTopics.map((place) => subtopology.sourceTopics[place]!),
    ...group.repartitionSourceTopics.map((place) => subtopology.repartitionSourceTopics[place]!.name)
  ])

/** Topics of others decide; else those with a number of their own; else the widest. The rest follows. */
const copartition = (
  group: ReadonlySet<string>,
  repartition: ReadonlySet<string>,
  fixed: ReadonlyMap<string, number>,
  counts: Map<string, number>,
  countOf: PartitionsOf
): StreamsStatus | null => {
  const topics = Array.from(group).sort()
  const own = topics.filter((topic) => repartition.has(topic))
  const others = topics.filter((topic) => !repartition.has(topic))
  const bound = own.filter((topic) => fixed.has(topic))
  const leading = others.length > 0 ? others : bound.length > 0 ? bound : own
  if (leading.length === 0) return null
  const numbers = leading.map((topic) => countOf(topic) ?? 0)
  const count = Math.max(...numbers)
  if (leading !== own && numbers.some((number) => number !== count)) {
    const listed = leading.map((topic, i) => `${topic}=${numbers[i]}`).join(", ")
    return mispartitioned(`Following topics do not have the same number of partitions: [{${listed}}]`)
  }
  for (const topic of own) {
    const wish = fixed.get(topic)
    if (wish !== undefined && wish !== count) {
      return mispartitioned(
        `Number of partitions [${wish}] of repartition topic [${topic}] doesn't match number of partitions [${count}] of the source topic.`
      )
    }
    counts.set(topic, count)
  }
  return null
}

const mispartitioned = (detail: string): StreamsStatus => ({ name: "INCORRECTLY_PARTITIONED_TOPICS", detail })
