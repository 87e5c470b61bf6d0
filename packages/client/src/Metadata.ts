import { Metadata as MetadataApi } from "@tusk/protocol/messages/Metadata"
import type { MetadataResponse } from "@tusk/protocol/messages/Metadata"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Refused, refusalOf } from "./ClientError.ts"
import type { Address } from "./Transport.ts"

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** What the cluster tells of a partition. */
export interface PartitionMetadata {
  readonly partition: number
  /** The leader's id, -1 if there is none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: ReadonlyArray<number>
  readonly isr: ReadonlyArray<number>
  readonly error: Refused | undefined
}

/** What the cluster tells of a topic. */
export interface TopicMetadata {
  readonly name: string
  /** Kafka's text of the id; null from a broker older than 2.8. */
  readonly topicId: string | null
  readonly isInternal: boolean
  /** In order of their numbers. */
  readonly partitions: ReadonlyArray<PartitionMetadata>
  readonly error: Refused | undefined
}

/** What the cluster tells of itself. */
export interface ClusterMetadata {
  readonly clusterId: string | null
  readonly controllerId: number
  readonly brokers: ReadonlyMap<number, Address>
  readonly topics: ReadonlyMap<string, TopicMetadata>
}

/** A Metadata request about the named topics, which makes none; about all topics for null. */
export const metadataRequest = (topics: ReadonlyArray<string> | null) => ({
  ...MetadataApi.request.defaults(),
  topics: topics === null ? null : topics.map((name) => ({ topicId: ZERO_UUID, name })),
  allowAutoTopicCreation: false
})

/** Reads the answer. */
export const clusterOf = (answer: MetadataResponse): ClusterMetadata => ({
  clusterId: answer.clusterId,
  controllerId: answer.controllerId,
  brokers: new Map(answer.brokers.map(({ host, nodeId, port }) => [nodeId, { host, port }])),
  topics: new Map(
    answer.topics.map((topic) => {
      const name = topic.name ?? ""
      return [
        name,
        {
          name,
          topicId: topic.topicId === ZERO_UUID ? null : topic.topicId,
          isInternal: topic.isInternal,
          error: refusalOf(topic.errorCode, `topic ${name}`),
          partitions: topic.partitions
            .map((each) => ({
              partition: each.partitionIndex,
              leader: each.leaderId,
              leaderEpoch: each.leaderEpoch,
              replicas: each.replicaNodes,
              isr: each.isrNodes,
              error: refusalOf(each.errorCode, `partition ${each.partitionIndex} of ${name}`)
            }))
            .sort((a, b) => a.partition - b.partition)
        }
      ]
    })
  )
})
