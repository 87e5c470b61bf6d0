import type { TopicMetadata, TopicPartition } from "@tusk/client/Metadata"
import { Halted } from "./Halted.ts"

/** A topic that is imported. */
export interface ImportedTopic {
  readonly name: string
  /** Kafka's text of the id; null from a broker older than 2.8. */
  readonly topicId: string | null
  readonly partitions: ReadonlyArray<ImportedPartition>
  /** The source takes older records of a key away. */
  readonly compacted: boolean
  /** Why nothing more of it is imported. */
  halted: Halted | undefined
}

/** How far a partition is. Offsets are the same at both sides. */
export interface ImportedPartition extends TopicPartition {
  readonly topic: string
  /** Where the source's log starts and ends, as it told last; -1 before it did. */
  sourceStart: bigint
  sourceEnd: bigint
  /** Nothing behind it may be read: a transaction is open. */
  sourceStable: bigint
  /** Where the target's log starts and ends. */
  targetStart: bigint
  targetEnd: bigint
  /** Where the source is read next; nothing that consumers see lies between `targetEnd` and here. */
  position: bigint
  /** The epoch of the last batch that was read in this session; -1 for none. */
  epoch: number
}

/** One of which nothing is known yet. */
export const unknownPartition = (topic: string, partition: number): ImportedPartition => ({
  topic,
  partition,
  sourceStart: -1n,
  sourceEnd: -1n,
  sourceStable: -1n,
  targetStart: -1n,
  targetEnd: -1n,
  position: -1n,
  epoch: -1
})

/** Offsets that are not there yet; -1n if that is not known. */
export const lagOf = ({ sourceEnd, targetEnd }: ImportedPartition): bigint =>
  sourceEnd < 0n || targetEnd < 0n ? -1n : sourceEnd > targetEnd ? sourceEnd - targetEnd : 0n

/** How errors name it. */
export const halt = (topic: string, reason: string): Halted => new Halted({ topic, reason })

/** What says in the target where a topic comes from: cluster and topic, by ids where there are some. */
export const originOf = (clusterId: string | null, { name, topicId }: TopicMetadata): string =>
  `${clusterId ?? "kafka"}/${topicId ?? name}`
