import {
  errorCode,
  InvalidRequiredAcks,
  InvalidTopicException,
  InvalidTxnState,
  NONE,
  RequestTimedOut,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { ProduceRequest, ProduceResponse } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { AT_ONCE_BYTES } from "@tusk/storage/log/batches/BatchCodec"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import type { Appended, AppendRequest } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { topicById, topicByName } from "../topics/CoordinatorTopics.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/Handler.ts"
import { endpointsOf, leadershipFor, NO_LEADER, notLedHere, Placement } from "../request/Placement.ts"
import type { Leadership } from "../request/Placement.ts"
import { checkProduced, comesAgain, insideOf, numberedBatch, openAtOnce } from "../produce/ProducedBatch.ts"
import { Recompression } from "../produce/Recompression.ts"
import type { Inside } from "../produce/Recompression.ts"
import { Router } from "../produce/Router.ts"
import { isInternalTopic } from "../topics/TopicNames.ts"
import { TopicSettings } from "../topics/TopicSettings.ts"

type TopicData = ProduceRequest["topicData"][number]
type PartitionResponse = ProduceResponse["responses"][number]["partitionResponses"][number]

/**
 * A `timeout.ms` below counts as this: a commit takes a while in which Kafka's leader has long answered, and some clients
 * ask for little.
 */
const LEAST_TIMEOUT_MS = 1000

/** Batches of one request; how many of all are opened at a time is not decided here. */
const OPENED_AT_A_TIME = 8

/** Partition index of a record set that the server is to route by key: pg_kafka's extension. */
const ROUTED = -1

/** Where one partition's answer comes from: an error, or some of the appends. */
type Outcome = KafkaError | ReadonlyArray<number>

/** A batch that goes to several partitions, once it is opened. */
interface Unrouted {
  readonly topic: Topic
  readonly batch: Uint8Array
  /** Where its outcome is to be. */
  readonly at: readonly [topic: number, partition: number]
}

/** A request's batches as its topics want them; `unopened` are those that something is to be done inside of. */
interface Collected {
  readonly appends: Array<AppendRequest | KafkaError>
  readonly unopened: Array<{ readonly place: number; readonly inside: Inside }>
  readonly unrouted: Array<Unrouted>
  readonly outcomes: ReadonlyArray<Array<Outcome>>
  readonly found: ReadonlyArray<Topic | KafkaError>
}

/** Made by nobody who produces to it: a topic that was deleted is gone for who was told not to make topics, too. */
const known = (topics: Topics["Service"], data: TopicData, apiVersion: number): Topic | KafkaError =>
  apiVersion >= 13
    ? (topicById(topics, data.topicId) ?? new UnknownTopicId())
    : (topicByName(topics, data.name) ?? new UnknownTopicOrPartition())

/** The outcome of a batch that is not routed yet. */
const NOWHERE: Outcome = []

export const produce = handler({
  api: Produce,
  versions: [3, Produce.maxVersion],
  // Older librdkafka will not compress unless it sees version 0.
  advertised: [0, Produce.maxVersion],
  concurrent: true,
  reads: false,
  waitsMs: () => Infinity,
  isAwaited: ({ acks }) => acks !== 0,
  make: Effect.gen(function* () {
    const placement = yield* Placement
    const log = yield* Log
    const topics = yield* Topics
    const topicSettings = yield* TopicSettings
    const router = yield* Router
    const recompression = yield* Recompression
    const clock = yield* Clock.Clock
    const { decompressedMaxBytes } = yield* BrokerSettings

    /** What is to be told of a batch that is refused now. */
    const refusing = (partitionId: number | undefined, records: Uint8Array | null, error: KafkaError): KafkaError => {
      const batch = numberedBatch(records)
      if (partitionId !== undefined && batch !== undefined && comesAgain(error, batch)) {
        log.turnedAway(partitionId, batch)
      }
      return error
    }

    /** Checks every partition's records, and lists what is to be appended. */
    const collect = (
      request: ProduceRequest,
      apiVersion: number,
      found: ReadonlyArray<Topic | KafkaError>
    ): Collected => {
      const nowMs = clock.currentTimeMillisUnsafe()
      const appends: Collected["appends"] = []
      const unopened: Collected["unopened"] = []
      const unrouted: Collected["unrouted"] = []
      let left = AT_ONCE_BYTES
      const outcomes = request.topicData.map((data, i) => {
        const topic = found[i]!
        if (isKafkaError(topic)) return data.partitionData.map(() => topic)
        const config = topicSettings.of(topic.name)
        const stampTime = config.messageTimestampType === "LogAppendTime"
        const add = (partitionId: number, batch: Uint8Array): number => {
          const request: AppendRequest = { partitionId, batch, stampTime, relaxed: config.relaxed }
          const inside = insideOf(batch, config, nowMs)
          if (inside === undefined) return appends.push(request) - 1
          const open = left > 0 ? openAtOnce(batch, inside, decompressedMaxBytes) : undefined
          if (open !== undefined) {
            left -= open.byteLength
            return appends.push(RecordBatch.validateDecompressed(batch, open, inside.rules) ?? request) - 1
          }
          unopened.push({ place: appends.length, inside })
          return appends.push(request) - 1
        }
        return data.partitionData.map(({ index, records }, j): Outcome => {
          const partitionId = topic.partitionIds[index]
          if (partitionId === undefined && index !== ROUTED) return new UnknownTopicOrPartition()
          if (isInternalTopic(topic.name)) return new InvalidTopicException()
          const elsewhere = partitionId === undefined ? undefined : notLedHere(placement, partitionId, -1)
          if (elsewhere !== undefined) return refusing(partitionId, records, elsewhere)
          const batch = checkProduced(records, apiVersion, config)
          if (isKafkaError(batch)) return refusing(partitionId, records, batch)
          // A transaction begins with a transactional id, and none was given out.
          if (RecordBatch.isTransactional(batch)) return new InvalidTxnState()
          if (partitionId !== undefined) return [add(partitionId, batch)]
          unrouted.push({ topic, batch, at: [i, j] })
          return NOWHERE
        })
      })
      return { appends, unopened, unrouted, outcomes, found }
    }

    /** Takes a batch apart. Its parts come behind all else of the request, those of a batch before it too. */
    const routeOne = Effect.fnUntraced(function* ({ appends, outcomes }: Collected, { at, batch, topic }: Unrouted) {
      const config = topicSettings.of(topic.name)
      const { messageTimestampType, relaxed } = config
      const inside = insideOf(batch, config, clock.currentTimeMillisUnsafe())
      const parts = yield* recompression.counting(batch.byteLength, router.route(topic, batch, inside))
      const place = (): Outcome => {
        if (isKafkaError(parts)) return parts
        for (const { partitionId } of parts) {
          const elsewhere = notLedHere(placement, partitionId, -1)
          if (elsewhere !== undefined) return elsewhere
        }
        const stampTime = messageTimestampType === "LogAppendTime"
        return parts.map((part) => appends.push({ ...part, stampTime, relaxed }) - 1)
      }
      outcomes[at[0]]![at[1]] = place()
    })

    /** Opens what has to be opened. */
    const openAll = (collected: Collected): Effect.Effect<void> => {
      const { appends, unopened, unrouted } = collected
      const opening = Effect.forEach(
        unopened,
        ({ inside, place }) => {
          const request = appends[place] as AppendRequest
          return Effect.map(recompression.open(request.batch, inside), (opened) => {
            appends[place] = isKafkaError(opened)
              ? refusing(request.partitionId, request.batch, opened)
              : { ...request, batch: opened }
          })
        },
        { concurrency: OPENED_AT_A_TIME, discard: true }
      )
      if (unrouted.length === 0) return opening
      const routing = Effect.forEach(unrouted, (each) => routeOne(collected, each), { discard: true })
      return Effect.andThen(opening, routing)
    }

    /** They never had their places. */
    const turnAway = ({ appends }: Collected): void => {
      for (const request of appends) {
        if (!isKafkaError(request)) log.turnedAway(request.partitionId, request.batch)
      }
    }

    /** A result for each, in order; those refused before have theirs. */
    const append = (
      requests: ReadonlyArray<AppendRequest | KafkaError>,
      timeoutMs: number | undefined
    ): Effect.Effect<ReadonlyArray<Appended | KafkaError>> => {
      const accepted = requests.filter((request): request is AppendRequest => !isKafkaError(request))
      if (accepted.length === 0) return Effect.succeed(requests as ReadonlyArray<KafkaError>)
      const appended = log.append(accepted, timeoutMs)
      if (accepted.length === requests.length) return appended
      return Effect.map(appended, (results) => {
        let next = 0
        return requests.map((request) => (isKafkaError(request) ? request : results[next++]!))
      })
    }

    const answer = (
      request: ProduceRequest,
      { found, outcomes }: Collected,
      results: ReadonlyArray<Appended | KafkaError>,
      { apiVersion, connection }: RequestContext
    ): ProduceResponse => {
      const leaders: Array<number> = []
      const refusal = (i: number, index: number, error: KafkaError): PartitionResponse => {
        const topic = found[i]!
        const partitionId = isKafkaError(topic) ? undefined : topic.partitionIds[index]
        // Where to turn to is told from version 10 on.
        const leader = apiVersion >= 10 ? leadershipFor(error, placement, partitionId) : NO_LEADER
        if (leader !== NO_LEADER) leaders.push(leader.leaderId)
        return refused(index, error, leader)
      }
      const responses = request.topicData.map((data, i) => ({
        name: data.name,
        topicId: data.topicId,
        partitionResponses: data.partitionData.map(({ index }, j) => {
          const outcome = outcomes[i]![j]!
          if (isKafkaError(outcome)) return refusal(i, index, outcome)
          const parts = outcome.map((place) => results[place]!)
          const failed = parts.find(isKafkaError)
          if (failed !== undefined) return refusal(i, index, failed)
          const first = parts[0] as Appended
          return {
            index,
            errorCode: NONE,
            baseOffset: first.baseOffset,
            logAppendTimeMs: first.logAppendTime,
            logStartOffset: first.logStartOffset,
            recordErrors: [],
            errorMessage: null,
            currentLeader: NO_LEADER
          }
        })
      }))
      return { responses, throttleTimeMs: 0, nodeEndpoints: endpointsOf(leaders, placement, connection.listener) }
    }

    return (request: ProduceRequest, context: RequestContext) => {
      const { apiVersion, connection } = context
      if (request.acks !== 0 && request.acks !== 1 && request.acks !== -1) return Effect.fail(new InvalidRequiredAcks())
      const reply = (
        collected: Collected,
        results: ReadonlyArray<Appended | KafkaError>
      ): ProduceResponse | undefined => {
        if (request.acks !== 0) return answer(request, collected, results, context)
        // As Kafka: who wants no answer learns of a failure by the end of the connection.
        if (collected.outcomes.some((each) => each.some(isKafkaError)) || results.some(isKafkaError)) {
          connection.close("a Produce request with acks=0 failed")
        }
        return undefined
      }
      const timeoutMs = Math.max(request.timeoutMs, LEAST_TIMEOUT_MS)
      // Who wants no answer has none that may come too late.
      const limitMs = request.acks === 0 ? undefined : timeoutMs
      const store = (collected: Collected) =>
        Effect.map(append(collected.appends, limitMs), (results) => reply(collected, results))
      const found = request.topicData.map((data) => known(topics, data, apiVersion))
      const collected = collect(request, apiVersion, found)
      const { places } = connection
      const isReady = collected.unopened.length === 0 && collected.unrouted.length === 0
      if (isReady && places.isEmpty) return store(collected)
      // What is to be opened is opened beside that of other requests. Places are taken in order of arrival.
      const place = places.claim()
      if (recompression.isFull()) connection.placing = places.drained
      let isPlaced = false
      const storeInPlace = Effect.suspend(() => {
        isPlaced = true
        return store(collected)
      })
      const leave = () => {
        // Before the end of its claim lets those behind it have their places.
        if (!isPlaced) turnAway(collected)
        places.end(place)
      }
      return openAll(collected).pipe(
        Effect.andThen(places.turnOf(place)),
        Effect.timeoutOrElse({ duration: timeoutMs, orElse: () => Effect.fail(new RequestTimedOut()) }),
        Effect.andThen(Effect.forkChild(storeInPlace, { startImmediately: true })),
        Effect.ensuring(Effect.sync(leave)),
        Effect.flatMap(Fiber.join)
      )
    }
  }),
  turningAway: Effect.gen(function* () {
    const log = yield* Log
    const topics = yield* Topics
    return ({ topicData }: ProduceRequest, { apiVersion }: RequestContext) => {
      for (const data of topicData) {
        const topic = known(topics, data, apiVersion)
        if (isKafkaError(topic)) continue
        for (const { index, records } of data.partitionData) {
          const partitionId = topic.partitionIds[index]
          const batch = numberedBatch(records)
          if (partitionId !== undefined && batch !== undefined) log.turnedAway(partitionId, batch)
        }
      }
    }
  }),
  refuse: (request, code, error, { connection }) => {
    if (request.acks === 0) {
      connection.close("a Produce request with acks=0 failed")
      return undefined
    }
    return {
      responses: request.topicData.map((data) => ({
        name: data.name,
        topicId: data.topicId,
        partitionResponses: data.partitionData.map(({ index }) => ({
          ...refused(index, error, NO_LEADER),
          errorCode: code
        }))
      })),
      throttleTimeMs: 0,
      nodeEndpoints: []
    }
  }
})

const refused = (index: number, error: KafkaError, currentLeader: Leadership): PartitionResponse => ({
  index,
  errorCode: errorCode(error),
  baseOffset: -1n,
  logAppendTimeMs: -1n,
  logStartOffset: -1n,
  recordErrors: (error.recordErrors ?? []).map(({ index, message }) => ({
    batchIndex: index,
    batchIndexErrorMessage: message
  })),
  errorMessage: error.message === "" ? null : (error.message ?? null),
  currentLeader
})
