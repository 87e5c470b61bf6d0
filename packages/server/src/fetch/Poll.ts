import { NONE } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { FetchRequest, FetchResponse } from "@tusk/protocol/messages/Fetch"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { Log, PartitionRead, ReadOptions } from "@tusk/storage/log/Log"
import type { Bound } from "@tusk/storage/log/partitions/Bound"
import type { Ending } from "@tusk/storage/log/read/Waiters"
import type { ReadRequest } from "@tusk/storage/port/BatchReader"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Settings } from "../config/Settings.ts"
import type { Deadlines } from "../request/Deadlines.ts"
import type { Permits } from "../request/authorizing.ts"
import type { Answer } from "../request/Handler.ts"
import { monotonicMs } from "../request/monotonic.ts"
import type { Placement } from "../request/Placement.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import type { ClientMeters } from "../security/quota/ClientMeters.ts"
import type { AnswerBudget, Claim } from "./AnswerBudget.ts"
import { AS_THEY_LIE } from "./DownConversion.ts"
import { responseOf, withLeaders } from "./FetchAnswer.ts"
import type { Fetched } from "./FetchAnswer.ts"
import type { FetchContext, FetchPartitionState } from "./FetchSession.ts"

/** Versions from which topics go by id. */
export const TOPIC_IDS = 13
/** Versions from which an answer names the leader (KIP-951). */
const LEADERS = 16

const READ_COMMITTED = 1
const NOTHING: ReadOptions = { bound: "HighWatermark", maxBytes: 0, atLeastOne: false }

/** There is no such topic or partition for this client, and nothing wrong with what else is asked for. */
const isUnknown = ({ _tag }: KafkaError): boolean =>
  _tag === "UnknownTopicId" || _tag === "UnknownTopicOrPartition" || _tag === "TopicAuthorizationFailed"

/** What a poll needs; resolved once. */
export interface PollParts {
  readonly budget: AnswerBudget["Service"]
  readonly clock: Clock.Clock
  /** As message sets, for versions below 4. */
  readonly convert: (reads: ReadonlyArray<Fetched>, apiVersion: number) => Effect.Effect<ReadonlyArray<Fetched>>
  readonly deadlines: Deadlines["Service"]
  /** Finds what a state stands for, and sets its `partitionId`; or tells what is answered without a look at the log. */
  readonly locate: (state: FetchPartitionState, byId: boolean, mayRead: Permits) => Fetched | undefined
  readonly log: Log["Service"]
  /** What its principal may read at this moment. */
  readonly mayRead: (request: FetchRequest, from: RequestContext) => Permits
  readonly meters: ClientMeters
  readonly placement: Placement["Service"]
  readonly settings: Settings
  /** The id of the session of a fetch that is told nothing. */
  readonly unanswered: (context: FetchContext) => number
}

/**
 * A fetch that may have to wait. One object of plain functions: thousands of consumers wait at the end of their
 * partitions, and what each of their fetches builds is what they cost.
 */
export class Poll implements Ending {
  readonly #parts: PollParts
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

  constructor(
    parts: PollParts,
    request: FetchRequest,
    context: FetchContext,
    from: RequestContext,
    deadlineMs: number
  ) {
    this.#parts = parts
    this.#request = request
    this.#context = context
    this.#from = from
    this.#deadlineMs = deadlineMs
    const most = parts.meters.isOn ? parts.meters.mostFetched(from) : Infinity
    this.#maxBytes = Math.max(0, Math.min(request.maxBytes, parts.settings.fetchMaxBytes, most))
    this.#claim = parts.budget.claim(from.connection)
  }

  /** Reads what is there now. */
  look(): Effect.Effect<Answer<FetchResponse>> {
    const { locate, log, mayRead } = this.#parts
    const maxBytes = this.#claim.take(this.#maxBytes)
    this.#readOptions = {
      bound: this.#bound,
      maxBytes,
      atLeastOne: this.#from.apiVersion > 2 && !this.#claim.isShort()
    }
    const states = this.#context.partitions
    const byId = this.#from.apiVersion >= TOPIC_IDS
    const permitted = mayRead(this.#request, this.#from)
    let known: Array<Fetched | undefined> | undefined
    for (let i = 0; i < states.length; i++) {
      const found = locate(states[i]!, byId, permitted)
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

  /** If memory is short, the store is left alone: its first batch comes whole, however large. */
  #read(requests: ReadonlyArray<ReadRequest>): Effect.Effect<ReadonlyArray<Fetched>> {
    const { log } = this.#parts
    if (!this.#claim.isShort()) return log.read(requests, this.#readOptions)
    const reads = log.readNow(requests, this.#readOptions)
    return reads === undefined ? log.read(requests, { ...NOTHING, bound: this.#bound }) : Effect.succeed(reads)
  }

  get #bound(): Bound {
    return this.#request.isolationLevel === READ_COMMITTED ? "LastStableOffset" : "HighWatermark"
  }

  /** Something is there that was not given, as memory is short. */
  #isWithheld(reads: ReadonlyArray<Fetched>): boolean {
    if (!this.#claim.isShort()) return false
    const places = new Map(this.#context.partitions.map(({ from, partitionId }) => [partitionId, from]))
    return reads.some(
      (read) => !isKafkaError(read) && read.bytes === 0 && read.readableEnd > places.get(read.partitionId)!
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

  /** If that is too little, waits to be woken by an append, until the time is over. */
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
    if (this.#parts.meters.isOn && this.#isTooSoon(results)) return Effect.succeed(this.#nothing())
    this.#claim.keep(bytesOf(results))
    if (apiVersion >= AS_THEY_LIE) return Effect.succeed(this.#response(results))
    return Effect.map(this.#parts.convert(results, apiVersion), (converted) => {
      this.#claim.keep(bytesOf(converted))
      return this.#response(converted)
    })
  }

  /** Whether its client has fetched too much: nothing is told of these records, and it waits (KIP-219). */
  #isTooSoon(results: ReadonlyArray<Fetched>): boolean {
    const { clock, meters } = this.#parts
    const { isWithheld, throttleMs } = meters.fetched(this.#from, bytesOf(results), monotonicMs(clock))
    this.#from.mute(throttleMs)
    return isWithheld
  }

  #nothing(): Answer<FetchResponse> {
    this.#claim.keep(0)
    return {
      errorCode: NONE,
      sessionId: this.#parts.unanswered(this.#context),
      responses: [],
      nodeEndpoints: []
    }
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
