/** Reads partitions from given offsets on, each from its leader, for as long as somebody wants more. */
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest, FetchResponsePartitionData } from "@tusk/protocol/messages/Fetch"
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { BrokerConnection } from "../BrokerConnection.ts"
import { BadAnswer, isRetriable, Refused, refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"
import { byTopic, leaderOf, partitionText } from "../leaders.ts"
import type { TopicPartition } from "../Metadata.ts"
import { fetchedRecords } from "./FetchedRecords.ts"

/** Where reading is in a partition. */
export interface Position extends TopicPartition {
  /** The next offset to read. Changed as it goes on. */
  offset: bigint
  /** Where reading ends; undefined: never. */
  readonly end: bigint | undefined
}

export interface FetchOptions {
  readonly isolation: "read_committed" | "read_uncommitted"
  /** How long the broker waits for records, in milliseconds. */
  readonly maxWaitMs: number
}

/** Takes records of a partition. `done`: nothing more is wanted. */
export type Take<E, R> = (
  place: TopicPartition,
  records: ReadonlyArray<DecodedRecord>
) => Effect.Effect<"more" | "done", E, R>

/** Versions from 13 on name topics by their ids. */
const BY_NAME = { minVersion: 4, maxVersion: 12 }

const MAX_BYTES = 50 * 1024 * 1024
const PARTITION_MAX_BYTES = 1024 * 1024
const PAUSE_MS = 200

const requestOf = (positions: ReadonlyArray<Position>, { isolation, maxWaitMs }: FetchOptions): FetchRequest => ({
  ...Fetch.request.defaults(),
  replicaId: -1,
  maxWaitMs,
  minBytes: 1,
  maxBytes: MAX_BYTES,
  isolationLevel: isolation === "read_committed" ? 1 : 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: byTopic(positions).map(([topic, list]) => ({
    topic,
    topicId: ZERO_UUID,
    partitions: list.map(({ offset, partition }) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: offset,
      lastFetchedEpoch: -1,
      logStartOffset: -1n,
      partitionMaxBytes: PARTITION_MAX_BYTES,
      replicaDirectoryId: ZERO_UUID,
      highWatermark: 9223372036854775807n
    }))
  }))
})

const isOpen = ({ end, offset }: Position): boolean => end === undefined || offset < end

/** Reads until all positions are at their ends, or `take` wants no more. */
export const fetching = <E, R>(
  positions: ReadonlyArray<Position>,
  options: FetchOptions,
  take: Take<E, R>
): Effect.Effect<void, ClientError | E, R | KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const one = yield* Semaphore.make(1)
    let isDone = false

    const deliver = (position: Position, fetched: FetchResponsePartitionData, address: string) =>
      Effect.gen(function* () {
        if (isDone) return
        const { partition, topic } = position
        const read = yield* Effect.try({
          try: () => fetchedRecords(fetched, position.offset),
          catch: (error) =>
            new BadAnswer({ address, reason: `${partitionText({ topic, partition })}: ${(error as Error).message}` })
        })
        const wanted =
          position.end === undefined ? read.records : read.records.filter(({ offset }) => offset < position.end!)
        position.offset = read.nextOffset
        if (wanted.length > 0 && (yield* take({ topic, partition }, wanted)) === "done") isDone = true
      })

    /** One request and what came of it; the positions whose leader is another one now. */
    const round = (connection: BrokerConnection, mine: ReadonlyArray<Position>) =>
      Effect.gen(function* () {
        const answer = yield* connection.ask(Fetch, requestOf(mine, options), {
          ...BY_NAME,
          waitsMs: options.maxWaitMs
        })
        const refusal = refusalOf(answer.errorCode, "the fetch")
        if (refusal !== undefined) return yield* refusal
        let moved = false
        for (const { partitions, topic } of answer.responses) {
          for (const fetched of partitions) {
            const place = { topic, partition: fetched.partitionIndex }
            const error = refusalOf(fetched.errorCode, partitionText(place))
            if (error !== undefined && !isRetriable(error)) return yield* error
            const position = mine.find((each) => each.topic === topic && each.partition === place.partition)
            if (error !== undefined || position === undefined) moved = true
            else yield* one.withPermits(1)(deliver(position, fetched, connection.address))
          }
        }
        return moved
      })

    const follow = (id: number, mine: ReadonlyArray<Position>) =>
      Effect.gen(function* () {
        const connection = yield* client.broker(id)
        for (let moved = false; !moved && !isDone;) {
          const open = mine.filter(isOpen)
          if (open.length === 0) return
          moved = yield* round(connection, open)
        }
      })

    const leaders = Effect.gen(function* () {
      const open = positions.filter(isOpen)
      const cluster = yield* client.metadata([...new Set(open.map(({ topic }) => topic))])
      const byLeader = new Map<number, Array<Position>>()
      for (const position of open) {
        const leader = leaderOf(cluster, position)
        if (leader instanceof Refused) return yield* leader
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), position])
      }
      return byLeader
    })

    let failures = 0
    while (!isDone && positions.some(isOpen)) {
      const before = positions.map(({ offset }) => offset)
      const outcome = yield* Effect.result(
        Effect.flatMap(leaders, (byLeader) =>
          Effect.forEach(byLeader, ([id, mine]) => follow(id, mine), { concurrency: "unbounded", discard: true })
        )
      )
      const isAhead = positions.some(({ offset }, i) => offset !== before[i])
      failures = isAhead ? 0 : failures + 1
      if (outcome._tag === "Failure") {
        const tooOften = failures * PAUSE_MS > client.options.retryMs
        if (tooOften || !mayPass(outcome.failure)) return yield* Effect.fail(outcome.failure)
      }
      if (!isDone && positions.some(isOpen)) yield* Effect.sleep(PAUSE_MS)
    }
  })

const UNKNOWN_TOPIC_OR_PARTITION = 3

const mayPass = (error: unknown): boolean => {
  if (error instanceof Refused) return error.code !== UNKNOWN_TOPIC_OR_PARTITION && isRetriable(error)
  const tag = (error as { readonly _tag?: string })._tag
  return tag === "ConnectionLost" || tag === "AnswerTimedOut" || tag === "BrokerUnreachable"
}
