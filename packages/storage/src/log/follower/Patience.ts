import * as Effect from "effect/Effect"

const FIRST_MS = 500
const LONGEST_MS = 60_000

/** Waits between tries of one partition: twice as long each time, until one has succeeded. */
export class Patience {
  readonly #what: string
  #waitMs = FIRST_MS

  constructor(what: string) {
    this.#what = what
  }

  reset(): void {
    this.#waitMs = FIRST_MS
  }

  /** Tells why, and waits. */
  after(message: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const waitMs = this.#waitMs
      this.#waitMs = Math.min(LONGEST_MS, waitMs * 2)
      return Effect.andThen(
        Effect.logWarning(`rows of ${this.#what} go on in ${waitMs} ms: ${message}`),
        Effect.sleep(waitMs)
      )
    })
  }
}
