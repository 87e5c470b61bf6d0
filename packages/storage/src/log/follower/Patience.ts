import * as Effect from "effect/Effect"
import type { Recurring } from "../../Recurring.ts"

const FIRST_MS = 500
const LONGEST_MS = 60_000

/** Waits between tries of one partition: twice as long each time, until one has succeeded. */
export class Patience {
  readonly #what: string
  readonly #trouble: Recurring
  #waitMs = FIRST_MS

  /** The partitions share a trouble: what all wait for is told once. */
  constructor(what: string, trouble: Recurring) {
    this.#what = what
    this.#trouble = trouble
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
      this.#waitMs = Math.min(LONGEST_MS, waitMs * 2)
      return Effect.andThen(
        this.#trouble.seen(`rows of ${this.#what} go on in ${waitMs} ms: ${message}`),
        Effect.sleep(waitMs)
      )
    })
  }
}
