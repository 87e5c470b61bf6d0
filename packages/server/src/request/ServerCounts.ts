import type { Api } from "@tusk/protocol/codec/Api"
import { Histogram, SECONDS } from "@tusk/storage/Histogram"
import * as Context from "effect/Context"
import { countErrors, errorPlaces } from "./answerErrors.ts"
import type { ErrorPlaces } from "./answerErrors.ts"
import { LoginCounts } from "./LoginCounts.ts"

/** What was asked of one API. Stands where every request goes by: plain numbers, nothing is allocated. */
export class ApiCounts {
  readonly api: Api<any, any>
  /** That were understood. */
  requests = 0
  /** Bytes of their frames, without the length in front. */
  requestBytes = 0
  /** After which their client was told to wait, as it had used more than a quota; and for how long, in milliseconds. */
  throttled = 0
  throttledMs = 0
  responseBytes = 0
  /** From the last byte of a request to its encoded answer, long polls with their wait; in seconds. */
  readonly seconds = new Histogram(SECONDS)
  /** Errors in answers, by code: one answer may have many. */
  readonly errors = new Map<number, number>()
  #places: ErrorPlaces | undefined

  constructor(api: Api<any, any>) {
    this.api = api
  }

  /** Returns the code of one of the errors in the answer, 0 if there is none. */
  answered(answer: object | undefined, chunks: ReadonlyArray<Uint8Array>, tookMs: number): number {
    for (const { byteLength } of chunks) this.responseBytes += byteLength
    this.seconds.observe(tookMs / 1000)
    if (answer === undefined) return 0
    const { response } = this.api
    return countErrors((this.#places ??= errorPlaces(response.plan(response.maxVersion))), answer, this.errors)
  }
}

/** A partition that is forwarded. */
export interface ShadowedCount {
  readonly topic: string
  readonly partition: number
  /** Offsets that are still to be forwarded; NaN: not known yet. */
  readonly lag: number
  /** Undefined: it goes on. */
  readonly stoppedWhy: string | undefined
}

/** What this package has done since the broker started, for whoever wants to tell of it. */
export class ServerCounts {
  readonly apis = new Map<number, ApiCounts>()
  /** Connections that were opened. */
  connections = 0
  /** What clients asked for and may not have; not what was only left out of an answer. */
  denials = 0
  /** By listener and mechanism. */
  readonly logins = new Map<string, LoginCounts>()
  /** Records and offsets that came by SQL; from when they were written to when they were in the log, in seconds. */
  drainedRows = 0
  readonly drainSeconds = new Histogram(SECONDS)
  /** Fetch sessions that are kept now. */
  fetchSessions: () => number = () => 0
  /** How far each partition is forwarded to another Kafka; nothing, if none is. */
  shadowed: () => Iterable<ShadowedCount> = () => []

  of(api: Api<any, any>): ApiCounts {
    let counts = this.apis.get(api.key)
    if (counts === undefined) this.apis.set(api.key, (counts = new ApiCounts(api)))
    return counts
  }
}

/** The counts of a listener's logins by one mechanism. */
export const loginsBy = ({ logins }: ServerCounts, listener: string, mechanism: string): LoginCounts => {
  const key = `${listener}\0${mechanism}`
  let counts = logins.get(key)
  if (counts === undefined) logins.set(key, (counts = new LoginCounts(listener, mechanism)))
  return counts
}

/** A broker's layer gives a value of its own. Without one all share one that nobody reads. */
export const RequestCounts = Context.Reference<ServerCounts>("@tusk/server/request/RequestCounts", {
  defaultValue: () => new ServerCounts()
})
