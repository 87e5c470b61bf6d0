import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const LONGEST_SLEEP_MS = 0x7fff_ffff

/**
 * A group's own time, in milliseconds. It stands still while no client can be answered, and while something of the
 * group is stored: no member is heard then, and none is late.
 */
export class OwnTime {
  readonly #servedMs: Effect.Effect<number>
  #stillSinceMs: number | undefined
  #stillMs = 0

  /** `unservedMs`: how long in all no client could be answered. */
  constructor(unservedMs: () => number) {
    this.#servedMs = Effect.map(
      Clock.monotonicTimeNanos,
      (nanos) => Number(nanos / 1_000_000n) - Math.floor(unservedMs())
    )
  }

  get now(): Effect.Effect<number> {
    return Effect.map(this.#servedMs, (nowMs) => (this.#stillSinceMs ?? nowMs) - this.#stillMs)
  }

  /** Stops the time. What it gives lets the time go on. */
  get stop(): Effect.Effect<Effect.Effect<void>> {
    return Effect.map(this.#servedMs, (nowMs) => {
      this.#stillSinceMs = nowMs
      return Effect.map(this.#servedMs, (endMs) => {
        this.#stillMs += endMs - nowMs
        this.#stillSinceMs = undefined
      })
    })
  }

  sleepUntil(atMs: number): Effect.Effect<void> {
    return Effect.flatMap(this.now, (nowMs) =>
      nowMs >= atMs
        ? Effect.void
        : Effect.andThen(Effect.sleep(Math.min(atMs - nowMs, LONGEST_SLEEP_MS)), this.sleepUntil(atMs))
    )
  }
}
