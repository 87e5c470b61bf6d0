import type { ConfiguredSubtopology } from "./ConfiguredTopology.ts"
import type { Held, HeldTasks } from "./Tasks.ts"
import type { TopicsView } from "./TopicsView.ts"

/** The address at which an instance of an application takes interactive queries. */
export interface UserEndpoint {
  readonly host: string
  readonly port: number
}

/** What of a member says which partitions it can be asked about, and at which address. */
export interface Reachable {
  /** The address at which other instances reach this one for interactive queries. */
  readonly userEndpoint: UserEndpoint | null
  /** What it was told it has. */
  readonly held: Held
}

export interface TopicPartitions {
  readonly topic: string
  readonly partitions: ReadonlyArray<number>
}

/** Which instance can be asked about which partitions of the topics its tasks read. */
export interface EndpointPartitions {
  readonly userEndpoint: UserEndpoint
  readonly active: ReadonlyArray<TopicPartitions>
  readonly standby: ReadonlyArray<TopicPartitions>
}

/** One entry for each member that told its address. A topic with fewer partitions than tasks has those it has. */
export const endpointPartitions = (
  members: Iterable<Reachable>,
  subtopologies: ReadonlyMap<string, ConfiguredSubtopology> | null,
  topics: TopicsView
): ReadonlyArray<EndpointPartitions> => {
  const partitionsOf = (tasks: HeldTasks): ReadonlyArray<TopicPartitions> =>
    Array.from(tasks).flatMap(([subtopologyId, held]) => {
      const subtopology = subtopologies?.get(subtopologyId)
      if (subtopology === undefined) return []
      const sources = [...subtopology.sourceTopics, ...subtopology.repartitionSourceTopics.map(({ name }) => name)]
      return sources.map((topic) => {
        const count = topics.find(topic)?.partitions ?? 0
        return { topic, partitions: Array.from(held.keys()).filter((partition) => partition < count) }
      })
    })
  return Array.from(members).flatMap(({ held, userEndpoint }) =>
    userEndpoint === null
      ? []
      : [{ userEndpoint, active: partitionsOf(held.active), standby: partitionsOf(held.standby) }]
  )
}
