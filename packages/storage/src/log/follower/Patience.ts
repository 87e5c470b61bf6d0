import * as Effect from "effect/Effect"
import type { Recurring } from "../../Recurring.ts"

const FIRST_MS = 500
const LONGEST_MS = 60_000

/** Waits between tries of one partition or table: twice as long each time, until one has succeeded. */
export class Patience {
  readonly #what: string
  readonly #trouble: Recurring
  readonly #longestMs: number
  #waitMs = FIRST_MS

  /** Those that share a trouble wait for the same: it is told once. */
  constructor(what: string, trouble: Recurring, longestMs: number = LONGEST_MS) {
    this.#what = what
    this.#trouble = trouble
    this.#longestMs = longestMs
  }

  get reset(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#waitMs = FIRST_MS
      return this.#trouble.over(`rows of ${this.#what} go on`)
    })
  }

  /** Tells why, and waits. */
  after(message: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const waitMs = this.#waitMs
      this.#waitMs = Math.min(this.#longestMs, waitMs * 2)
      return Effect.andThen(
        this.#trouble.seen(`rows of ${this.#what} go on in ${waitMs} ms: ${message}`),
        Effect.sleep(waitMs)
      )
    })
  }
}
