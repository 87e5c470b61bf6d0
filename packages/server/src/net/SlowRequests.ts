import * as Effect from "effect/Effect"
import { inArea } from "../observe/LogLines.ts"
import { oncePer } from "../request/oncePer.ts"

/** A slow request of each API is told so often, in milliseconds: a database that is away makes all of them slow. */
const INTERVAL_MS = 10_000

/** When a request was where, by the monotonic clock. */
export interface Stages {
  /** Its bytes came. */
  readonly receivedMs: number
  /** It began: its turn on the connection had come, and the broker served. */
  readonly begunMs: number
  readonly answeredMs: number
  /** How long it waits by itself for something to happen: a long poll, a rebalance. */
  readonly ownWaitMs: number
}

interface Ports {
  /** 0: none is told. */
  readonly limitMs: number
  readonly fork: (line: Effect.Effect<void>) => void
}

/** What slow requests there are, each told once, with where its time went. */
export class SlowRequests {
  /** What takes less is not slow. */
  readonly limitMs: number
  readonly #fork: Ports["fork"]
  readonly #isNews = oncePer(INTERVAL_MS)
  readonly #untold = new Map<string, number>()

  constructor({ fork, limitMs }: Ports) {
    this.limitMs = limitMs === 0 ? Infinity : limitMs
    this.#fork = fork
  }

  /** A request of this API is answered. `fields` tells what it was. */
  answered(api: string, stages: Stages, fields: () => Record<string, unknown>): void {
    const { answeredMs, begunMs, ownWaitMs, receivedMs } = stages
    const tookMs = answeredMs - receivedMs
    if (tookMs - ownWaitMs < this.limitMs) return
    if (!this.#isNews(api, answeredMs)) {
      this.#untold.set(api, (this.#untold.get(api) ?? 0) + 1)
      return
    }
    const untold = this.#untold.get(api)
    this.#untold.delete(api)
    const line = Effect.annotateLogs(Effect.logWarning(`slow ${api}, answered after ${Math.round(tookMs)} ms`), {
      waitedMs: Math.round(begunMs - receivedMs),
      handledMs: Math.round(answeredMs - begunMs),
      ...(untold === undefined ? {} : { untold }),
      ...fields()
    })
    this.#fork(inArea("request")(line))
  }
}
