import { StreamsInvalidTopology } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"

export interface TopicConfig {
  readonly key: string
  readonly value: string
}

/** A topic that an application keeps for itself, as it wants it. */
export interface InternalTopicInfo {
  readonly name: string
  /** 0: as many as follow from the topics read. Always 0 for changelogs. */
  readonly partitions: number
  /** 0: the broker's default. */
  readonly replicationFactor: number
  readonly topicConfigs: ReadonlyArray<TopicConfig>
}

/** Topics that have to have the same number of partitions, by their places in the subtopology's lists. */
export interface CopartitionGroup {
  readonly sourceTopics: ReadonlyArray<number>
  readonly repartitionSourceTopics: ReadonlyArray<number>
}

/** A part of an application that is run as one task for each partition of what it reads. */
export interface Subtopology {
  readonly subtopologyId: string
  readonly sourceTopics: ReadonlyArray<string>
  readonly stateChangelogTopics: ReadonlyArray<InternalTopicInfo>
  readonly repartitionSinkTopics: ReadonlyArray<string>
  readonly repartitionSourceTopics: ReadonlyArray<InternalTopicInfo>
  readonly copartitionGroups: ReadonlyArray<CopartitionGroup>
}

/** What an application reads, keeps and writes, as its members tell it (KIP-1071). */
export interface Topology {
  readonly epoch: number
  /** In order of their ids. */
  readonly subtopologies: ReadonlyArray<Subtopology>
}

/** As the wire tells it; regular expressions for source topics are refused before. */
export const topologyFrom = (told: Topology): Topology => ({
  epoch: told.epoch,
  subtopologies: told.subtopologies.map(subtopologyFrom).sort((a, b) => compare(a.subtopologyId, b.subtopologyId))
})

const subtopologyFrom = (told: Subtopology): Subtopology => ({
  subtopologyId: told.subtopologyId,
  sourceTopics: told.sourceTopics,
  stateChangelogTopics: told.stateChangelogTopics.map(infoFrom),
  repartitionSinkTopics: told.repartitionSinkTopics,
  repartitionSourceTopics: told.repartitionSourceTopics.map(infoFrom),
  copartitionGroups: told.copartitionGroups.map(({ repartitionSourceTopics, sourceTopics }) => ({
    sourceTopics,
    repartitionSourceTopics
  }))
})

const infoFrom = ({ name, partitions, replicationFactor, topicConfigs }: InternalTopicInfo): InternalTopicInfo => ({
  name,
  partitions,
  replicationFactor,
  topicConfigs: topicConfigs.map(({ key, value }) => ({ key, value }))
})

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Both made by `topologyFrom`. */
export const sameTopology = (a: Topology, b: Topology): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

/** Every topic its tasks read or keep state in; sinks are sources elsewhere. */
export const requiredTopics = (topology: Topology): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const { repartitionSourceTopics, sourceTopics, stateChangelogTopics } of topology.subtopologies) {
    for (const name of sourceTopics) names.add(name)
    for (const { name } of repartitionSourceTopics) names.add(name)
    for (const { name } of stateChangelogTopics) names.add(name)
  }
  return names
}

/** Every topic it names at all, sinks too. */
export const namedTopics = (topology: Topology): ReadonlySet<string> => {
  const names = new Set(requiredTopics(topology))
  for (const { repartitionSinkTopics } of topology.subtopologies) {
    for (const name of repartitionSinkTopics) names.add(name)
  }
  return names
}

/** The subtopology with the tasks that read this topic. */
export const readerOf = (topology: Topology, topic: string): Subtopology | undefined =>
  topology.subtopologies.findLast(
    ({ repartitionSourceTopics, sourceTopics }) =>
      sourceTopics.includes(topic) || repartitionSourceTopics.some(({ name }) => name === topic)
  )

/** More are too many for one application: what is worked out for it, and stored of it, has a bound. */
const MAX_SUBTOPOLOGIES = 1000
const MAX_TOPICS = 10_000
const MAX_CHARACTERS = 1024 * 1024

/** What makes a topology wrong whatever topics there are; null: nothing. */
export const invalidTopology = (topology: Topology): KafkaError | null => {
  if (
    topology.subtopologies.length > MAX_SUBTOPOLOGIES ||
    namedTopics(topology).size > MAX_TOPICS ||
    JSON.stringify(topology).length > MAX_CHARACTERS
  ) {
    return invalid("The topology is larger than this broker takes.")
  }
  const ids = new Set<string>()
  for (const subtopology of topology.subtopologies) {
    const { copartitionGroups, repartitionSourceTopics, sourceTopics, stateChangelogTopics, subtopologyId } =
      subtopology
    if (ids.has(subtopologyId)) return invalid(`Subtopology ${subtopologyId} is defined twice.`)
    ids.add(subtopologyId)
    const decided = stateChangelogTopics.find(({ partitions }) => partitions !== 0)
    if (decided !== undefined) {
      return invalid(
        `Changelog topic ${decided.name} must have an undefined partition count, but it is set to ${decided.partitions}.`
      )
    }
    const negative = repartitionSourceTopics.find(({ partitions }) => partitions < 0)
    if (negative !== undefined) {
      return invalid(`Repartition topic ${negative.name} cannot have ${negative.partitions} partitions.`)
    }
    for (const group of copartitionGroups) {
      const astray =
        group.sourceTopics.some((place) => sourceTopics[place] === undefined) ||
        group.repartitionSourceTopics.some((place) => repartitionSourceTopics[place] === undefined)
      if (astray) return invalid(`A copartition group of subtopology ${subtopologyId} names a topic it has not got.`)
    }
  }
  return null
}

export const invalid = (message: string): StreamsInvalidTopology => new StreamsInvalidTopology({ message })
