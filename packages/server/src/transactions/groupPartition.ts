import { topicByName } from "../topics/CoordinatorTopics.ts"
import type { Topics } from "@tusk/storage/topics/Topics"

const NAME = "__consumer_offsets"

/** As Java hashes a string. */
const hashOf = (text: string): number => {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/** The partition in which Apache Kafka keeps a group's offsets: what a transaction with such offsets is told to hold. */
export const groupPartition = (topics: Pick<Topics["Service"], "byName" | "byId" | "all">, groupId: string): number => {
  const { partitionIds } = topicByName(topics, NAME)!
  const hash = hashOf(groupId)
  return partitionIds[hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitionIds.length]!
}
