import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { BrokerConnection } from "./BrokerConnection.ts"
import { isRetriable, Refused } from "./ClientError.ts"
import type { ClientError } from "./ClientError.ts"
import { KafkaClient } from "./KafkaClient.ts"
import type { ClusterMetadata, TopicPartition } from "./Metadata.ts"

/** What became of one partition in a request that many are in. */
export interface PartitionOutcome<A> extends TopicPartition {
  readonly result: A | Refused
}

const LEADER_NOT_AVAILABLE = 5
const UNKNOWN_TOPIC_OR_PARTITION = 3
const PAUSE_MS = 100

/** `subject` of an error about a partition. */
export const partitionText = ({ partition, topic }: TopicPartition): string => `partition ${partition} of ${topic}`

/** A list by topic, as requests hold it. */
export const byTopic = <P extends TopicPartition>(
  partitions: ReadonlyArray<P>
): ReadonlyArray<readonly [string, ReadonlyArray<P>]> => {
  const topics = new Map<string, Array<P>>()
  for (const each of partitions) append(topics, each.topic, each)
  return Array.from(topics)
}

const append = <K, V>(lists: Map<K, Array<V>>, key: K, value: V): void => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

/** The leader of a partition, or why there is none. */
export const leaderOf = (cluster: ClusterMetadata, place: TopicPartition): number | Refused => {
  const topic = cluster.topics.get(place.topic)
  if (topic?.error !== undefined) return topic.error
  const found = topic?.partitions.find(({ partition }) => partition === place.partition)
  const refuse = (code: number) => new Refused({ code, subject: partitionText(place), detail: null })
  if (found === undefined) return refuse(UNKNOWN_TOPIC_OR_PARTITION)
  return found.leader === -1 ? (found.error ?? refuse(LEADER_NOT_AVAILABLE)) : found.leader
}

/**
 * Asks the leader of each partition, all leaders at once, and again for the partitions whose errors may pass. The outcomes
 * are in the order of `partitions`. Fails if a broker cannot be reached.
 */
export const askLeaders = <P extends TopicPartition, A>(
  partitions: ReadonlyArray<P>,
  ask: (
    leader: BrokerConnection,
    partitions: ReadonlyArray<P>
  ) => Effect.Effect<ReadonlyArray<PartitionOutcome<A>>, ClientError>
): Effect.Effect<ReadonlyArray<PartitionOutcome<A>>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const key = ({ partition, topic }: TopicPartition) => `${partition} ${topic}`
    const outcomes = new Map<string, PartitionOutcome<A>>()
    const until = (yield* Clock.currentTimeMillis) + client.options.retryMs

    for (let left = partitions; left.length > 0;) {
      const cluster = yield* client.metadata([...new Set(left.map(({ topic }) => topic))])
      const byLeader = new Map<number, Array<P>>()
      for (const place of left) {
        const leader = leaderOf(cluster, place)
        if (typeof leader === "number") append(byLeader, leader, place)
        else outcomes.set(key(place), { topic: place.topic, partition: place.partition, result: leader })
      }
      const answers = yield* Effect.forEach(
        byLeader,
        ([id, places]) => Effect.flatMap(client.broker(id), (connection) => ask(connection, places)),
        { concurrency: "unbounded" }
      )
      for (const outcome of answers.flat()) outcomes.set(key(outcome), outcome)
      const mayPass = (place: P) => {
        const result = outcomes.get(key(place))?.result
        return result instanceof Refused && isRetriable(result) && result.code !== UNKNOWN_TOPIC_OR_PARTITION
      }
      left = left.filter(mayPass)
      if (left.length === 0 || (yield* Clock.currentTimeMillis) + PAUSE_MS > until) break
      yield* Effect.sleep(PAUSE_MS)
    }
    return partitions.flatMap((place) => outcomes.get(key(place)) ?? [])
  })
