import type { PartitionRead } from "@tusk/storage/log/Log"
import type { Topic, Topics } from "@tusk/storage/topics/Topics"
import type { TopicConfigName } from "../config/TopicConfigDefinitions.ts"

/** Kafka's number, of both. */
const PARTITIONS = 50

/** No partition of the store has a negative id. */
const topicOf = (name: string, topicId: string, first: number): Topic => ({
  name,
  topicId,
  partitionIds: Array.from({ length: PARTITIONS }, (_, index) => -first - index)
})

/**
 * Topics in which Apache Kafka's coordinators keep their state, and for which clients look. Here they are tables: so these
 * are listed, can be read and are empty. One of such a name that is stored, by an older version, comes first.
 */
const TOPICS: ReadonlyArray<Topic> = [
  topicOf("__consumer_offsets", "dHVza19vZmZzZXRzX2FhYQ", 1),
  topicOf("__transaction_state", "dHVza190eG5fc3RhdGVfYQ", 1 + PARTITIONS)
]

/** What both need of `Topics`. */
type Stored = Pick<Topics["Service"], "byName" | "byId" | "all">

/** The stored one comes first. */
export const topicByName = (topics: Stored, name: string): Topic | undefined =>
  topics.byName(name) ?? TOPICS.find((topic) => topic.name === name)

export const topicById = (topics: Stored, topicId: string): Topic | undefined =>
  topics.byId(topicId) ?? TOPICS.find((topic) => topic.topicId === topicId && topics.byName(topic.name) === undefined)

/** All, in order of names. */
export const allTopics = (topics: Stored): ReadonlyArray<Topic> => {
  const all = Array.from(topics.all())
  for (const topic of TOPICS) {
    if (topics.byName(topic.name) !== undefined) continue
    const behind = all.findIndex(({ name }) => name > topic.name)
    all.splice(behind < 0 ? all.length : behind, 0, topic)
  }
  return all
}

/** Of a topic that is nowhere stored. */
export const isEmptyPartition = (partitionId: number): boolean => partitionId < 0

const NO_BATCHES: ReadonlyArray<Uint8Array> = []

/** What is read from the start of such a partition, which is its end. */
export const emptyRead = (partitionId: number): PartitionRead => ({
  partitionId,
  batches: NO_BATCHES,
  bytes: 0,
  bound: "HighWatermark",
  readableEnd: 0n,
  highWatermark: 0n,
  lastStableOffset: 0n,
  logStartOffset: 0n,
  aborted: []
})

export const COORDINATOR_TOPIC_CONFIGS: ReadonlyMap<TopicConfigName, string> = new Map<TopicConfigName, string>([
  ["cleanup.policy", "compact"],
  ["compression.type", "producer"],
  ["segment.bytes", "104857600"]
])
