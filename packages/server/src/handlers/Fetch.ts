// Serves: Fetch in all versions, with sessions (KIP-227), long polls, and message sets below version 4.
// Left out: fetches of replicas, a preferred replica, diverging epochs; the list of aborted transactions is empty.
// Why: one broker leads all, and no log of its is ever cut back; there are no transactions yet.

import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import {
  errorCode,
  InconsistentTopicId,
  NONE,
  NotLeaderOrFollower,
  OffsetOutOfRange,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest, FetchResponse } from "@tusk/protocol/messages/Fetch"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import type { PartitionRead, ReadOptions } from "@tusk/storage/log/Log"
import type { Ending } from "@tusk/storage/log/read/Waiters"
import type { ReadRequest } from "@tusk/storage/port/Store"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { AnswerBudget } from "../fetch/AnswerBudget.ts"
import type { Claim } from "../fetch/AnswerBudget.ts"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { emptyRead, isEmptyPartition, topicById, topicByName } from "../topics/CoordinatorTopics.ts"
import { AS_THEY_LIE, downConvert } from "../fetch/DownConversion.ts"
import { makeFetchSessions, openFetch, served } from "../fetch/FetchSession.ts"
import type { FetchContext, FetchPartitionState } from "../fetch/FetchSession.ts"
import { Deadlines } from "../request/Deadlines.ts"
import { handler } from "../request/Handler.ts"
import type { Answer } from "../request/Handler.ts"
import { topicsOf } from "../request/Resources.ts"
import type { Listener } from "../request/ConnectionInfo.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { endpointsOf, leadershipFor, NO_LEADER, notLedHere, Placement } from "../request/Placement.ts"
import type { Leadership } from "../request/Placement.ts"
import { Recompression } from "../produce/Recompression.ts"
import type { Settings } from "../config/Settings.ts"

type PartitionData = FetchResponse["responses"][number]["partitions"][number]
type Fetched = PartitionRead | KafkaError

/** Versions from which topics go by id. */
const TOPIC_IDS = 13
/** Versions from which an answer tells who leads (KIP-951). */
const LEADERS = 16

export const fetch = handler({
  api: Fetch,
  resources: ({ topics }) => topicsOf(topics.map(({ topic, topicId }) => ({ name: topic, topicId }))),
  reads: true,
  waitsMs: () => Infinity,
  later: () => new NotLeaderOrFollower(),
  make: Effect.gen(function* () {
    const budget = yield* AnswerBudget
    const placement = yield* Placement
    const deadlines = yield* Deadlines
    const log = yield* Log
    const topics = yield* Topics
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const settings = yield* BrokerSettings
    const sessions = makeFetchSessions(
      settings.maxIncrementalFetchSessionCacheSlots,
      settings.fetchSessionMaxPartitions
    )
    const newSessionId = () => 1 + Math.floor(random.nextDoubleUnsafe() * 0x7ffffffe)

    const locate = (state: FetchPartitionState, byId: boolean): Fetched | undefined => {
      const topic = byId ? topicById(topics, state.topicId) : topicByName(topics, state.topic)
      if (topic === undefined) return byId ? unknownId(topics, state) : new UnknownTopicOrPartition()
      state.foundAs = topic.name
      const partitionId = topic.partitionIds[state.partition]
      if (partitionId === undefined) return new UnknownTopicOrPartition()
      state.partitionId = partitionId
      const elsewhere = notLedHere(placement, partitionId, state.currentLeaderEpoch)
      if (elsewhere !== undefined || !isEmptyPartition(partitionId)) return elsewhere
      return state.from === 0n ? emptyRead(partitionId) : new OffsetOutOfRange()
    }

    const recompression = yield* Recompression
    let conversions = 0
    const convert: Parts["convert"] = (reads, apiVersion) =>
      downConvert(reads, apiVersion, conversions++, recompression)
    const parts: Parts = { budget, clock, convert, deadlines, locate, log, placement, settings }
    return (request: FetchRequest, requestContext: RequestContext) => {
      const now = monotonicMs(clock)
      const context = openFetch(sessions, request, requestContext.apiVersion >= TOPIC_IDS, now, newSessionId)
      if (isKafkaError(context)) return Effect.fail(context)
      const poll = new Poll(parts, request, context, requestContext, now + request.maxWaitMs)
      const room = budget.room()
      return room === undefined ? poll.look() : Effect.flatMap(room, () => poll.look())
    }
  }),
  refuse: (request, code, _error, { apiVersion }) => ({
    errorCode: code,
    sessionId: 0,
    // Before version 7 an answer has no place for an error but in its partitions.
    responses:
      apiVersion >= 7
        ? []
        : request.topics.map((topic) => ({
            topic: topic.topic,
            topicId: ZERO_UUID,
            partitions: topic.partitions.map(({ partition }) => empty(partition, code))
          })),
    nodeEndpoints: []
  })
})

/** As Apache Kafka tells it: an id that once was found is missed by its topic's name. */
const unknownId = (topics: Topics["Service"], { foundAs }: FetchPartitionState): KafkaError => {
  if (foundAs === undefined) return new UnknownTopicId()
  return topics.byName(foundAs) === undefined ? new UnknownTopicOrPartition() : new InconsistentTopicId()
}

/** There is no such topic or partition, and nothing wrong with what else is asked for. */
const isUnknown = ({ _tag }: KafkaError): boolean => _tag === "UnknownTopicId" || _tag === "UnknownTopicOrPartition"

interface Parts {
  readonly budget: AnswerBudget["Service"]
  readonly clock: Clock.Clock
  /** As message sets, for versions below 4. */
  readonly convert: (reads: ReadonlyArray<Fetched>, apiVersion: number) => Effect.Effect<ReadonlyArray<Fetched>>
  readonly deadlines: Deadlines["Service"]
  /** Finds what a state stands for, and sets its `partitionId`; or tells what is answered without a look at the log. */
  readonly locate: (state: FetchPartitionState, byId: boolean) => Fetched | undefined
  readonly log: Log["Service"]
  readonly placement: Placement["Service"]
  readonly settings: Settings
}

/**
 * A fetch that may have to wait. One object of plain functions: thousands of consumers wait at the end of their
 * partitions, and what each of their fetches builds is what they cost.
 */
class Poll implements Ending {
  readonly #parts: Parts
  readonly #request: FetchRequest
  readonly #context: FetchContext
  readonly #from: RequestContext
  readonly #deadlineMs: number
  readonly #claim: Claim
  readonly #maxBytes: number
  /** Of the last look. */
  #readOptions: ReadOptions = NOTHING
  #ringsAt = 0
  /** How much of what is asked for was unknown at the first look. */
  #unknown: number | undefined

  constructor(parts: Parts, request: FetchRequest, context: FetchContext, from: RequestContext, deadlineMs: number) {
    this.#parts = parts
    this.#request = request
    this.#context = context
    this.#from = from
    this.#deadlineMs = deadlineMs
    this.#maxBytes = Math.max(0, Math.min(request.maxBytes, parts.settings.fetchMaxBytes))
    this.#claim = parts.budget.claim(from.connection)
  }

  /** Reads what is there now. */
  look(): Effect.Effect<Answer<FetchResponse>> {
    const { locate, log } = this.#parts
    const maxBytes = this.#claim.take(this.#maxBytes)
    this.#readOptions = { maxBytes, atLeastOne: this.#from.apiVersion > 2 && !this.#claim.isShort() }
    const states = this.#context.partitions
    const byId = this.#from.apiVersion >= TOPIC_IDS
    let known: Array<Fetched | undefined> | undefined
    for (let i = 0; i < states.length; i++) {
      const found = locate(states[i]!, byId)
      if (found !== undefined) (known ??= [])[i] = found
    }
    if (known !== undefined) return this.#lookBeside(known)
    this.#unknown ??= 0
    const reads = log.readNow(states, this.#readOptions)
    if (reads !== undefined) return this.#judge(reads)
    // What is read may take its time, and the session go on meanwhile.
    const requests = states.map(({ from, maxBytes, partitionId }) => ({ from, maxBytes, partitionId }))
    return Effect.flatMap(this.#read(requests), (read) => this.#judge(read))
  }

  /** Where memory is short the store is left alone: its first batch comes whole, however large. */
  #read(requests: ReadonlyArray<ReadRequest>): Effect.Effect<ReadonlyArray<Fetched>> {
    const { log } = this.#parts
    if (!this.#claim.isShort()) return log.read(requests, this.#readOptions)
    const reads = log.readNow(requests, this.#readOptions)
    return reads === undefined ? log.read(requests, NOTHING) : Effect.succeed(reads)
  }

  /** Something is there that was not given, as memory is short. */
  #isWithheld(reads: ReadonlyArray<Fetched>): boolean {
    if (!this.#claim.isShort()) return false
    const places = new Map(this.#context.partitions.map(({ from, partitionId }) => [partitionId, from]))
    return reads.some(
      (read) => !isKafkaError(read) && read.bytes === 0 && read.highWatermark > places.get(read.partitionId)!
    )
  }

  /** Until nothing is short, or the time is over. */
  #plenty(): Effect.Effect<void> {
    const { budget, clock } = this.#parts
    return Effect.suspend(() =>
      this.#isEnding() || this.#deadlineMs <= monotonicMs(clock)
        ? Effect.void
        : Effect.flatMap(budget.plenty, (isPlenty) => (isPlenty ? Effect.void : this.#plenty()))
    )
  }

  /**
   * What is unknown is no reason to answer, unless nothing else is asked for: it is told with the rest, in its time. What
   * has gone since the first look is one, and so is every other error.
   */
  #lookBeside(known: ReadonlyArray<Fetched | undefined>): Effect.Effect<Answer<FetchResponse>> {
    const states = this.#context.partitions
    const requests = states.filter((_, i) => known[i] === undefined)
    const errors = known.filter((found): found is KafkaError => found !== undefined && isKafkaError(found))
    this.#unknown ??= errors.length
    const isDue = !errors.every(isUnknown) || errors.length === states.length || errors.length > this.#unknown
    return Effect.flatMap(this.#read(requests), (reads) => this.#judge(reads, known, isDue))
  }

  /** Where that is too little, waits to be woken by an append, until the time is over. */
  #judge(
    reads: ReadonlyArray<Fetched>,
    known?: ReadonlyArray<Fetched | undefined>,
    isDue = reads.length === 0
  ): Effect.Effect<Answer<FetchResponse>> {
    const minBytes = Math.min(this.#request.minBytes, this.#readOptions.maxBytes)
    let bytes = 0
    let isOver = isDue || this.#isEnding()
    for (let i = 0; i < reads.length && !isOver; i++) {
      const read = reads[i]!
      if (isKafkaError(read)) isOver = true
      else bytes += read.bytes
    }
    if (isOver || bytes >= minBytes || this.#deadlineMs <= monotonicMs(this.#parts.clock)) {
      return this.#answer(known === undefined ? reads : merged(reads, known))
    }
    this.#claim.release()
    const waiting = this.#isWithheld(reads)
      ? this.#plenty()
      : this.#parts.log.awaitBytes(reads as ReadonlyArray<PartitionRead>, minBytes - bytes, this)
    return Effect.flatMap(waiting, () => this.look())
  }

  #isEnding(): boolean {
    const { isGone, isStopping } = this.#from.connection
    return isGone || isStopping
  }

  begin(wake: () => void): void {
    this.#ringsAt = this.#parts.deadlines.at(this.#deadlineMs, wake)
    this.#from.connection.onEnding(wake)
  }
  end(wake: () => void): void {
    this.#parts.deadlines.off(this.#ringsAt, wake)
    this.#from.connection.offEnding(wake)
  }

  #answer(results: ReadonlyArray<Fetched>): Effect.Effect<Answer<FetchResponse>> {
    const { apiVersion } = this.#from
    this.#claim.keep(bytesOf(results))
    if (apiVersion >= AS_THEY_LIE) return Effect.succeed(this.#response(results))
    return Effect.map(this.#parts.convert(results, apiVersion), (converted) => {
      this.#claim.keep(bytesOf(converted))
      return this.#response(converted)
    })
  }

  #response(results: ReadonlyArray<Fetched>): Answer<FetchResponse> {
    const { placement } = this.#parts
    const { apiVersion, connection } = this.#from
    const answer = responseOf(this.#request, this.#context, results)
    return apiVersion < LEADERS ? answer : withLeaders(answer, this.#context, results, placement, connection.listener)
  }
}

/** In the order of what was asked for. */
const merged = (reads: ReadonlyArray<Fetched>, known: ReadonlyArray<Fetched | undefined>): ReadonlyArray<Fetched> => {
  const all: Array<Fetched> = []
  for (let i = 0, next = 0; next < reads.length || i < known.length; i++) all.push(known[i] ?? reads[next++]!)
  return all
}

const bytesOf = (results: ReadonlyArray<Fetched>): number =>
  results.reduce((sum, result) => (isKafkaError(result) ? sum : sum + result.bytes), 0)

/** What is sent of it is remembered in the session. */
const responseOf = (
  request: FetchRequest,
  context: FetchContext,
  results: ReadonlyArray<Fetched>
): Answer<FetchResponse> => {
  const responses: Array<{ topic: string; topicId: string; partitions: Array<PartitionData> }> = []
  for (let i = 0; i < results.length; i++) {
    const state = context.partitions[i]!
    const result = results[i]!
    if (context.incremental && isUnchanged(state, result)) continue
    const data = partitionData(state, result, request)
    state.sent = data
    if (data.records !== null && data.records.length > 0) served(context, state)
    const last = responses[responses.length - 1]
    if (last !== undefined && last.topicId === state.topicId && last.topic === state.topic) {
      last.partitions.push(data)
    } else {
      responses.push({ topic: state.topic, topicId: state.topicId, partitions: [data] })
    }
  }
  return { errorCode: NONE, sessionId: context.sessionId, responses, nodeEndpoints: NO_ENDPOINTS }
}

/** With where to turn to for what is not led here, or by another epoch. */
const withLeaders = (
  answer: Answer<FetchResponse>,
  { partitions }: FetchContext,
  results: ReadonlyArray<Fetched>,
  placement: Placement["Service"],
  listener: Listener
): Answer<FetchResponse> => {
  const leaders = new Map<string, Leadership>()
  for (let i = 0; i < results.length; i++) {
    const result = results[i]!
    if (!isKafkaError(result)) continue
    const { partition, partitionId, topicId } = partitions[i]!
    const leader = leadershipFor(result, placement, partitionId)
    if (leader !== NO_LEADER) leaders.set(`${topicId}:${partition}`, leader)
  }
  if (leaders.size === 0) return answer
  const leaderIds = Array.from(leaders.values(), ({ leaderId }) => leaderId)
  return {
    ...answer,
    responses: answer.responses.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((data) => ({
        ...data,
        currentLeader: leaders.get(`${topic.topicId}:${data.partitionIndex}`) ?? NO_LEADER
      }))
    })),
    nodeEndpoints: endpointsOf(leaderIds, placement, listener)
  }
}

const NOTHING: ReadOptions = { maxBytes: 0, atLeastOne: false }
const NO_ENDPOINTS: FetchResponse["nodeEndpoints"] = []
const NO_EPOCH = { epoch: -1, endOffset: -1n }
const NO_RECORDS: ReadonlyArray<Uint8Array> = []
const NO_TRANSACTIONS: FetchResponse["responses"][number]["partitions"][number]["abortedTransactions"] = []

const empty = (partitionIndex: number, code: number): PartitionData => ({
  partitionIndex,
  errorCode: code,
  highWatermark: -1n,
  lastStableOffset: -1n,
  logStartOffset: -1n,
  divergingEpoch: NO_EPOCH,
  currentLeader: NO_LEADER,
  snapshotId: NO_EPOCH,
  abortedTransactions: null,
  preferredReadReplica: -1,
  records: NO_RECORDS
})

const partitionData = (state: FetchPartitionState, result: Fetched, request: FetchRequest): PartitionData => {
  if (isKafkaError(result)) return empty(state.partition, errorCode(result))
  return {
    partitionIndex: state.partition,
    errorCode: NONE,
    highWatermark: result.highWatermark,
    lastStableOffset: result.lastStableOffset,
    logStartOffset: result.logStartOffset,
    divergingEpoch: NO_EPOCH,
    currentLeader: NO_LEADER,
    snapshotId: NO_EPOCH,
    abortedTransactions: request.isolationLevel === 1 ? NO_TRANSACTIONS : null,
    preferredReadReplica: -1,
    records: result.batches
  }
}

/** Whether an incremental answer may leave the partition out (KIP-227). */
const isUnchanged = ({ sent }: FetchPartitionState, result: Fetched): boolean =>
  !isKafkaError(result) &&
  result.batches.length === 0 &&
  sent !== undefined &&
  sent.highWatermark === result.highWatermark &&
  sent.logStartOffset === result.logStartOffset &&
  sent.lastStableOffset === result.lastStableOffset
