import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Lets so many bytes a second pass, one caller after the other. */
export class Pace {
  readonly #bytesPerSecond: number
  /** When what has passed so far may have passed. */
  #dueMs = -Infinity

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** These bytes have passed: returns when the next may. */
  passed(bytes: number): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
      this.#dueMs = Math.max(this.#dueMs, nowMs) + (1000 * bytes) / this.#bytesPerSecond
      const waitMs = this.#dueMs - nowMs
      return waitMs < 1 ? Effect.void : Effect.sleep(waitMs)
    })
  }
}
