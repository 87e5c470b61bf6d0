import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { ofArea } from "./logging.ts"
import type { Area } from "./logging.ts"

/** Between two lines: at first, and at most. */
const FIRST_MS = 1000
export const LONGEST_MS = 256_000

/**
 * Tells of a trouble that goes on, or comes again and again, such as a database that is away: at once, then at intervals
 * that double, and once when it is over. A trouble that was not seen for `LONGEST_MS` is a new one.
 */
export class Recurring {
  readonly #area: Area
  /** When it was first and last seen; undefined: there is none. */
  #sinceMs: number | undefined
  #lastMs = -Infinity
  #isTold = false
  #untold = 0
  #nextMs = -Infinity
  #betweenMs = FIRST_MS

  /** Its lines are of the area, whichever fiber sees it. */
  constructor(area: Area) {
    this.#area = area
  }

  /** It is seen now. Fields: how often it was seen since the last line, and for how long there has been trouble. */
  readonly seen = (message: string): Effect.Effect<void> =>
    Effect.clockWith((clock) => {
      const nowMs = millisOf(clock)
      if (nowMs - this.#lastMs >= LONGEST_MS) this.#begin()
      this.#lastMs = nowMs
      this.#sinceMs ??= nowMs
      if (nowMs < this.#nextMs) {
        this.#untold++
        return Effect.void
      }
      const times = this.#untold + 1
      this.#untold = 0
      this.#isTold = true
      this.#nextMs = nowMs + this.#betweenMs
      this.#betweenMs = Math.min(2 * this.#betweenMs, LONGEST_MS)
      const forMs = Math.round(nowMs - this.#sinceMs)
      const line = ofArea(this.#area)(Effect.logWarning(message))
      return times > 1 ? Effect.annotateLogs(line, { times, forMs }) : line
    })

  /** It is over. Tells so, and how long there was trouble, if the trouble was told. */
  readonly over = (message: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.#sinceMs === undefined) return Effect.void
      const sinceMs = this.#sinceMs
      const isTold = this.#isTold
      this.#sinceMs = undefined
      this.#isTold = false
      if (!isTold) return Effect.void
      return Effect.clockWith((clock) =>
        Effect.annotateLogs(ofArea(this.#area)(Effect.logInfo(message)), {
          forMs: Math.round(millisOf(clock) - sinceMs)
        })
      )
    })

  #begin(): void {
    this.#sinceMs = undefined
    this.#isTold = false
    this.#untold = 0
    this.#nextMs = -Infinity
    this.#betweenMs = FIRST_MS
  }
}

const millisOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
