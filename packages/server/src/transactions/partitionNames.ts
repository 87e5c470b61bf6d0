import type { Topics } from "@tusk/storage/topics/Topics"
import { allTopics } from "../topics/CoordinatorTopics.ts"

/** Partitions of a topic, by their indexes. */
export interface NamedPartitions {
  readonly topic: string
  readonly partitions: ReadonlyArray<number>
}

/** Partitions by topic and index, those of topics that are gone left out. */
export const namedPartitions = (
  topics: Pick<Topics["Service"], "byName" | "byId" | "all">,
  partitionIds: ReadonlySet<number>
): ReadonlyArray<NamedPartitions> => {
  if (partitionIds.size === 0) return []
  return allTopics(topics).flatMap((topic) => {
    const partitions = topic.partitionIds.flatMap((partitionId, index) =>
      partitionIds.has(partitionId) ? [index] : []
    )
    return partitions.length === 0 ? [] : [{ topic: topic.name, partitions }]
  })
}
