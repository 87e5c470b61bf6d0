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

/** How it is read. */
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

const UNKNOWN_TOPIC_OR_PARTITION = 3

const mayPass = (error: unknown): boolean => {
  if (error instanceof Refused) return error.code !== UNKNOWN_TOPIC_OR_PARTITION && isRetriable(error)
  const tag = (error as { readonly _tag?: string })._tag
  return tag === "ConnectionLost" || tag === "AnswerTimedOut" || tag === "BrokerUnreachable"
}

/** What goes on while positions are read. */
class Reading<E, R> {
  readonly #client: KafkaClient["Service"]
  readonly #positions: ReadonlyArray<Position>
  readonly #options: FetchOptions
  readonly #take: Take<E, R>
  /** One fetch is taken at a time, whichever leader it comes from. */
  readonly #one: Semaphore.Semaphore
  #isDone = false

  constructor(
    client: KafkaClient["Service"],
    positions: ReadonlyArray<Position>,
    options: FetchOptions,
    take: Take<E, R>,
    one: Semaphore.Semaphore
  ) {
    this.#client = client
    this.#positions = positions
    this.#options = options
    this.#take = take
    this.#one = one
  }

  get isOver(): boolean {
    return this.#isDone || !this.#positions.some(isOpen)
  }

  /** Follows all leaders; returns if it is over, or a leader is another one. */
  followAll(): Effect.Effect<void, ClientError | E, R> {
    return Effect.flatMap(this.#leaders(), (byLeader) =>
      Effect.forEach(byLeader, ([id, mine]) => this.#follow(id, mine), { concurrency: "unbounded", discard: true })
    )
  }

  #leaders(): Effect.Effect<ReadonlyMap<number, ReadonlyArray<Position>>, ClientError> {
    return Effect.gen({ self: this }, function* () {
      const open = this.#positions.filter(isOpen)
      const cluster = yield* this.#client.metadata([...new Set(open.map(({ topic }) => topic))])
      const byLeader = new Map<number, Array<Position>>()
      for (const position of open) {
        const leader = leaderOf(cluster, position)
        if (leader instanceof Refused) return yield* leader
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), position])
      }
      return byLeader
    })
  }

  #follow(id: number, mine: ReadonlyArray<Position>): Effect.Effect<void, ClientError | E, R> {
    return Effect.gen({ self: this }, function* () {
      const connection = yield* this.#client.broker(id)
      for (let moved = false; !moved && !this.#isDone;) {
        const open = mine.filter(isOpen)
        if (open.length === 0) return
        moved = yield* this.#round(connection, open)
      }
    })
  }

  /** One request and what came of it; true if a leader is another one now. */
  #round(connection: BrokerConnection, mine: ReadonlyArray<Position>): Effect.Effect<boolean, ClientError | E, R> {
    return Effect.gen({ self: this }, function* () {
      const waits = { ...BY_NAME, waitsMs: this.#options.maxWaitMs }
      const answer = yield* connection.ask(Fetch, requestOf(mine, this.#options), waits)
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
          else yield* this.#one.withPermits(1)(this.#deliver(position, fetched, connection.address))
        }
      }
      return moved
    })
  }

  #deliver(
    position: Position,
    fetched: FetchResponsePartitionData,
    address: string
  ): Effect.Effect<void, ClientError | E, R> {
    return Effect.gen({ self: this }, function* () {
      if (this.#isDone) return
      const { end, offset: from, partition, topic } = position
      const read = yield* Effect.try({
        try: () => fetchedRecords(fetched, from),
        catch: (error) =>
          new BadAnswer({ address, reason: `${partitionText({ topic, partition })}: ${(error as Error).message}` })
      })
      const wanted = end === undefined ? read.records : read.records.filter(({ offset }) => offset < end)
      position.offset = read.nextOffset
      if (wanted.length === 0) return
      if ((yield* this.#take({ topic, partition }, wanted)) === "done") this.#isDone = true
    })
  }
}

/** Reads until all positions are at their ends, or `take` wants no more. */
export const fetching = <E, R>(
  positions: ReadonlyArray<Position>,
  options: FetchOptions,
  take: Take<E, R>
): Effect.Effect<void, ClientError | E, R | KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const reading = new Reading(client, positions, options, take, yield* Semaphore.make(1))
    let failures = 0
    while (!reading.isOver) {
      const before = positions.map(({ offset }) => offset)
      const outcome = yield* Effect.result(reading.followAll())
      failures = positions.some(({ offset }, i) => offset !== before[i]) ? 0 : failures + 1
      if (outcome._tag === "Failure") {
        const tooOften = failures * PAUSE_MS > client.options.retryMs
        if (tooOften || !mayPass(outcome.failure)) return yield* Effect.fail(outcome.failure)
      }
      if (!reading.isOver) yield* Effect.sleep(PAUSE_MS)
    }
  })
