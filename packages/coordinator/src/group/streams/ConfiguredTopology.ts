import type { KafkaError } from "@tusk/protocol/KafkaError"
import { decidePartitions } from "./PartitionCounts.ts"
import type { PartitionsOf } from "./PartitionCounts.ts"
import type { StreamsStatus } from "./StreamsStatus.ts"
import { requiredTopics } from "./Topology.ts"
import type { InternalTopicInfo, Subtopology, Topology } from "./Topology.ts"

/** A subtopology, now that the numbers of its topics' partitions are known. */
export interface ConfiguredSubtopology {
  /** One for each partition of the topic with the most that it reads. */
  readonly tasks: number
  readonly sourceTopics: ReadonlyArray<string>
  readonly repartitionSinkTopics: ReadonlyArray<string>
  readonly repartitionSourceTopics: ReadonlyArray<InternalTopicInfo>
  readonly stateChangelogTopics: ReadonlyArray<InternalTopicInfo>
}

/** A topology against the topics there are. */
export interface ConfiguredTopology {
  /** By subtopology id, in order of ids; null if source topics are missing or numbers of partitions do not fit. */
  readonly subtopologies: ReadonlyMap<string, ConfiguredSubtopology> | null
  /** Internal topics that are not there, with partitions decided. */
  readonly missing: ReadonlyArray<InternalTopicInfo>
  /** Why no task can be given out yet; null: the topology is ready. */
  readonly problem: StreamsStatus | null
}

/** STREAMS_INVALID_TOPOLOGY as a value if no set of topics could make it right. */
export const configureTopology = (topology: Topology, partitionsOf: PartitionsOf): ConfiguredTopology | KafkaError => {
  const absent = missingSources(topology, partitionsOf)
  if (absent.length > 0) {
    return unready({ name: "MISSING_SOURCE_TOPICS", detail: `Source topics ${summary(absent)} are missing.` })
  }
  const decided = decidePartitions(topology, partitionsOf)
  if ("_tag" in decided) return decided
  if ("name" in decided) return unready(decided)

  const count = (topic: string): number => partitionsOf(topic) ?? decided.counts.get(topic) ?? 0
  const configured = new Map<string, ConfiguredSubtopology>()
  const wanted = new Map<string, InternalTopicInfo>()
  for (const subtopology of topology.subtopologies) {
    const entry = configure(subtopology, count, decided.counts)
    configured.set(subtopology.subtopologyId, entry)
    for (const info of entry.repartitionSourceTopics) wanted.set(info.name, info)
    for (const info of entry.stateChangelogTopics) wanted.set(info.name, info)
  }
  for (const topic of requiredTopics(topology)) {
    const found = partitionsOf(topic)
    const expected = wanted.get(topic)
    if (found === undefined || expected === undefined) continue
    wanted.delete(topic)
    if (found !== expected.partitions) {
      return unready({
        name: "INCORRECTLY_PARTITIONED_TOPICS",
        detail: `Existing topic ${topic} has different number of partitions: expected ${expected.partitions}, found ${found}`
      })
    }
  }
  const missing = Array.from(wanted.values())
  const problem: StreamsStatus | null =
    missing.length === 0
      ? null
      : {
          name: "MISSING_INTERNAL_TOPICS",
          detail: `Internal topics are missing: ${summary(missing.map(({ name }) => name).sort())}`
        }
  return { subtopologies: configured, missing, problem }
}

const unready = (problem: StreamsStatus): ConfiguredTopology => ({ subtopologies: null, missing: [], problem })

const missingSources = (topology: Topology, partitionsOf: PartitionsOf): ReadonlyArray<string> => {
  const absent = new Set<string>()
  for (const { sourceTopics } of topology.subtopologies) {
    for (const topic of sourceTopics) if (partitionsOf(topic) === undefined) absent.add(topic)
  }
  return Array.from(absent).sort()
}

const configure = (
  subtopology: Subtopology,
  count: (topic: string) => number,
  decided: ReadonlyMap<string, number>
): ConfiguredSubtopology => {
  const sources = [...subtopology.sourceTopics, ...subtopology.repartitionSourceTopics.map(({ name }) => name)]
  const withPartitions = (info: InternalTopicInfo): InternalTopicInfo =>
    info.partitions === 0 ? { ...info, partitions: decided.get(info.name) ?? 0 } : info
  return {
    tasks: Math.max(...sources.map(count)),
    sourceTopics: subtopology.sourceTopics,
    repartitionSinkTopics: subtopology.repartitionSinkTopics,
    repartitionSourceTopics: subtopology.repartitionSourceTopics.map(withPartitions),
    stateChangelogTopics: subtopology.stateChangelogTopics.map(withPartitions)
  }
}

/** The first three names and how many more. */
const summary = (names: ReadonlyArray<string>): string =>
  names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} additional topics` : "")
