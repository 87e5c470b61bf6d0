/** Fetches batches as a source has them, committed ones alone. */
import { refusalOf } from "@tusk/client/ClientError"
import type { ClientError, Refused } from "@tusk/client/ClientError"
import type { BrokerConnection } from "@tusk/client/BrokerConnection"
import { byTopic, partitionText } from "@tusk/client/leaders"
import type { TopicPartition } from "@tusk/client/Metadata"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest, FetchResponsePartitionData } from "@tusk/protocol/messages/Fetch"
import * as Effect from "effect/Effect"

/** Where a partition is read. */
export interface Place extends TopicPartition {
  readonly offset: bigint
  /** The epoch of what was read before it, so that a leader tells if it has another history (KIP-595); -1: none. */
  readonly epoch: number
}

/** What is asked for. Bytes: the first batch of an answer comes whole, whatever its size. */
export interface Asking {
  readonly committed: boolean
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly partitionMaxBytes: number
  /** Ids of topics, by name: with them a topic that was made anew is none of these (KIP-516). */
  readonly topicIds: ReadonlyMap<string, string>
}

/** A partition of an answer, its error not looked at. */
export interface Answered extends TopicPartition {
  readonly data: FetchResponsePartitionData
}

/** Versions from 13 on name topics by their ids. */
const BY_NAME = 12

const requestOf = (places: ReadonlyArray<Place>, asking: Asking): FetchRequest => ({
  ...Fetch.request.defaults(),
  replicaId: -1,
  maxWaitMs: asking.maxWaitMs,
  minBytes: 1,
  maxBytes: asking.maxBytes,
  isolationLevel: asking.committed ? 1 : 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: byTopic(places).map(([topic, list]) => ({
    topic,
    topicId: asking.topicIds.get(topic) ?? ZERO_UUID,
    partitions: list.map(({ epoch, offset, partition }) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: offset,
      lastFetchedEpoch: epoch,
      logStartOffset: -1n,
      partitionMaxBytes: asking.partitionMaxBytes,
      replicaDirectoryId: ZERO_UUID,
      highWatermark: 9223372036854775807n
    }))
  }))
})

/** One Fetch of these places, all led by that broker. */
export const fetchOnce = (
  connection: BrokerConnection,
  places: ReadonlyArray<Place>,
  asking: Asking
): Effect.Effect<ReadonlyArray<Answered>, ClientError> =>
  Effect.gen(function* () {
    const byId = places.every(({ topic }) => asking.topicIds.has(topic))
    const versions = { minVersion: 4, waitsMs: asking.maxWaitMs, ...(byId ? {} : { maxVersion: BY_NAME }) }
    const version = yield* connection.versionOf(Fetch, versions)
    // The epoch of what was read has its place from 12 on.
    const told = version < BY_NAME ? places.map((place) => ({ ...place, epoch: -1 })) : places
    const answer = yield* connection.ask(Fetch, requestOf(told, asking), versions)
    const refusal = refusalOf(answer.errorCode, "the fetch")
    if (refusal !== undefined) return yield* refusal
    const names = new Map(Array.from(asking.topicIds, ([name, id]) => [id, name]))
    return answer.responses.flatMap(({ partitions, topic, topicId }) =>
      partitions.map((data) => ({
        topic: topic === "" ? (names.get(topicId) ?? "") : topic,
        partition: data.partitionIndex,
        data
      }))
    )
  })

/** What is wrong with a partition's answer. */
export const refusedFetch = ({ data, ...place }: Answered): Refused | undefined =>
  refusalOf(data.errorCode, partitionText(place))
