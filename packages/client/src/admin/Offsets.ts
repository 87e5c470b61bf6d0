import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import * as Effect from "effect/Effect"
import { refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import type { KafkaClient } from "../KafkaClient.ts"
import { askLeaders, byTopic, partitionText } from "../leaders.ts"
import type { PartitionOutcome } from "../leaders.ts"
import type { TopicPartition } from "../Metadata.ts"

/** Times that stand for places, beside times in milliseconds since 1970. */
export const LATEST = -1n
/** Where the log begins. */
export const EARLIEST = -2n
/** The record with the latest time (KIP-734). */
export const MAX_TIMESTAMP = -3n

/** A place in a partition. `offset` is -1 if no record is at or after the time asked for. */
export interface FoundOffset {
  readonly offset: bigint
  readonly timestamp: bigint
}

const READ_COMMITTED = 1

/** The first offset at or after a time, or the end that one of the names above stands for, of each partition. */
export const listOffsets = (
  partitions: ReadonlyArray<TopicPartition>,
  time: bigint,
  isolation: "read_committed" | "read_uncommitted" = "read_uncommitted"
): Effect.Effect<ReadonlyArray<PartitionOutcome<FoundOffset>>, ClientError, KafkaClient> =>
  askLeaders(partitions, (leader, places) => {
    const body = {
      ...ListOffsets.request.defaults(),
      replicaId: -1,
      isolationLevel: isolation === "read_committed" ? READ_COMMITTED : 0,
      topics: byTopic(places).map(([name, list]) => ({
        name,
        partitions: list.map(({ partition }) => ({
          partitionIndex: partition,
          currentLeaderEpoch: -1,
          timestamp: time,
          maxNumOffsets: 1
        }))
      }))
    }
    const minVersion = time === MAX_TIMESTAMP ? 7 : isolation === "read_committed" ? 2 : 1
    return Effect.map(leader.ask(ListOffsets, body, { minVersion }), ({ topics }) =>
      topics.flatMap(({ name: topic, partitions: list }) =>
        list.map(({ errorCode, offset, partitionIndex: partition, timestamp }) => ({
          topic,
          partition,
          result: refusalOf(errorCode, partitionText({ topic, partition })) ?? { offset, timestamp }
        }))
      )
    )
  })

/** Removes what lies before an offset; -1 stands for all. Returns where each partition begins now. */
export const deleteRecords = (
  partitions: ReadonlyArray<TopicPartition & { readonly offset: bigint }>,
  timeoutMs: number
): Effect.Effect<ReadonlyArray<PartitionOutcome<{ readonly lowWatermark: bigint }>>, ClientError, KafkaClient> =>
  askLeaders(partitions, (leader, places) => {
    const topics = byTopic(places).map(([name, list]) => ({
      name,
      partitions: list.map(({ offset, partition }) => ({ partitionIndex: partition, offset }))
    }))
    return Effect.map(leader.ask(DeleteRecords, { topics, timeoutMs }, { waitsMs: timeoutMs }), (answer) =>
      answer.topics.flatMap(({ name: topic, partitions: list }) =>
        list.map(({ errorCode, lowWatermark, partitionIndex: partition }) => ({
          topic,
          partition,
          result: refusalOf(errorCode, partitionText({ topic, partition })) ?? { lowWatermark }
        }))
      )
    )
  })
