import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { EraseOptions } from "./EraseOptions.ts"

/** How much longer than a step a pause is at least: where a machine is busy, steps take long, and others come first. */
const PAUSE_TO_STEP = 3

/**
 * Lets so many bytes a second pass, one caller after the other, and works a quarter of the time at most: but for a step that
 * itself has waited long, as for a standby, nobody waits long once more.
 */
export class Pace {
  readonly #bytesPerSecond: number
  readonly #longestPauseMs: number
  /** When what has passed so far may have passed. */
  #dueMs = -Infinity

  constructor({ bytesPerSecond, longestWaitMs }: Pick<EraseOptions, "bytesPerSecond" | "longestWaitMs">) {
    this.#bytesPerSecond = bytesPerSecond
    this.#longestPauseMs = longestWaitMs
  }

  /** These bytes have passed, which has taken so long: returns when the next may. */
  passed(bytes: number, tookMs: number): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
      this.#dueMs = Math.max(this.#dueMs, nowMs) + (1000 * bytes) / this.#bytesPerSecond
      const waitMs = Math.max(this.#dueMs - nowMs, Math.min(PAUSE_TO_STEP * tookMs, this.#longestPauseMs))
      return waitMs < 1 ? Effect.void : Effect.sleep(waitMs)
    })
  }
}
