import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { setImmediate as turn } from "node:timers/promises"
import { realClock } from "./RealClock.ts"

/** The broker's time, as a test has it. */
export interface TestClock {
  /** Milliseconds since 1970; the real time of the start at first. */
  readonly now: () => number
  /**
   * Time goes on by so much ("5 minutes", or milliseconds). Returns when what became due has been done, or after some
   * seconds if it waits for something else.
   */
  readonly advance: (by: Duration.Input) => Promise<void>
}

/** Of one `advance`: the finer, the more often what repeats itself runs. */
const MOST_STEPS = 1000
/** How long what became due is waited for, in real time. */
const SETTLE_MS = 5000
/** So many turns of the event loop without work: nothing is under way. */
const QUIET_TURNS = 4

interface Sleeper {
  readonly atMs: number
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly wake: () => void
}

/** Time that stands still until it is advanced. */
export class ManualClock implements Clock.Clock, TestClock {
  readonly #startMs = Date.now()
  #elapsedMs = 0
  #isReleased = false
  readonly #sleepers = new Set<Sleeper>()
  /** Woken, and neither asleep again nor over. */
  readonly #awake = new Set<Fiber.Fiber<unknown, unknown>>()
  readonly #watched = new WeakSet<Fiber.Fiber<unknown, unknown>>()
  readonly #isBusy: () => boolean

  /** `isBusy`: something is on its way to the store. */
  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy
  }

  readonly now = (): number => this.#startMs + this.#elapsedMs
  readonly currentTimeMillisUnsafe = this.now
  readonly currentTimeMillis = Effect.sync(this.now)
  readonly currentTimeNanosUnsafe = () => BigInt(this.now()) * 1_000_000n
  readonly currentTimeNanos = Effect.sync(this.currentTimeNanosUnsafe)
  readonly monotonicTimeNanosUnsafe = () => BigInt(Math.round(this.#elapsedMs * 1e6))
  readonly monotonicTimeNanos = Effect.sync(this.monotonicTimeNanosUnsafe)

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const ms = Duration.toMillis(duration)
    if (this.#isReleased) return realClock.sleep(duration)
    if (ms <= 0) return Effect.yieldNow
    if (!Number.isFinite(ms)) return Effect.never
    return Effect.withFiber((fiber) => {
      this.#awake.delete(fiber)
      return Effect.callback<void>((resume) => {
        const sleeper = { atMs: this.#elapsedMs + ms, fiber, wake: () => resume(Effect.void) }
        this.#sleepers.add(sleeper)
        return Effect.sync(() => void this.#sleepers.delete(sleeper))
      })
    })
  }

  readonly advance = async (by: Duration.Input): Promise<void> => {
    const ms = Math.round(Duration.toMillis(by))
    if (!(ms >= 0 && Number.isFinite(ms))) throw new RangeError(`clock.advance: ${String(by)} is no time to go on by`)
    const endMs = this.#elapsedMs + ms
    const stepMs = ms / MOST_STEPS
    await this.#settled()
    while (true) {
      const nextMs = this.#nextMs()
      if (nextMs > endMs) break
      this.#elapsedMs = Math.min(endMs, Math.max(nextMs, this.#elapsedMs + stepMs))
      this.#wakeDue()
      await this.#settled()
    }
    this.#elapsedMs = endMs
  }

  /** From now on it is real time that goes on: a broker that stops waits for its clients. */
  release(): void {
    this.#isReleased = true
    for (const { wake } of Array.from(this.#sleepers)) wake()
    this.#sleepers.clear()
  }

  #nextMs(): number {
    let nextMs = Infinity
    for (const { atMs } of this.#sleepers) nextMs = Math.min(nextMs, atMs)
    return nextMs
  }

  #wakeDue(): void {
    const due = Array.from(this.#sleepers).filter(({ atMs }) => atMs <= this.#elapsedMs)
    for (const sleeper of due.sort((a, b) => a.atMs - b.atMs)) {
      // One that ran before may have called it off.
      if (!this.#sleepers.delete(sleeper)) continue
      this.#watch(sleeper.fiber)
      sleeper.wake()
    }
  }

  #watch(fiber: Fiber.Fiber<unknown, unknown>): void {
    this.#awake.add(fiber)
    if (this.#watched.has(fiber)) return
    this.#watched.add(fiber)
    fiber.addObserver(() => this.#awake.delete(fiber))
  }

  async #settled(): Promise<void> {
    const began = performance.now()
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await turn()
      if (this.#awake.size === 0 && !this.#isBusy()) continue
      quiet = -1
      if (performance.now() - began > SETTLE_MS) this.#awake.clear()
      if (performance.now() - began > 2 * SETTLE_MS) return
    }
  }
}
