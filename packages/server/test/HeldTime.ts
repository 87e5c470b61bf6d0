/** Time that a test lets stand still for a moment: what happens then happens at one time. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export class HeldTime {
  #heldMs: number | undefined

  /** The wall clock shows one time until `work` is over. */
  readonly during = async <A>(work: () => Promise<A>): Promise<A> => {
    this.#heldMs ??= Date.now()
    try {
      return await work()
    } finally {
      this.#heldMs = undefined
    }
  }

  get layer(): Layer.Layer<never> {
    const nowMs = (real: Clock.Clock) => this.#heldMs ?? real.currentTimeMillisUnsafe()
    return Layer.effect(
      Clock.Clock,
      Effect.map(Clock.Clock, (real) => ({
        currentTimeMillisUnsafe: () => nowMs(real),
        currentTimeMillis: Effect.sync(() => nowMs(real)),
        currentTimeNanosUnsafe: () => real.currentTimeNanosUnsafe(),
        currentTimeNanos: real.currentTimeNanos,
        monotonicTimeNanosUnsafe: () => real.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: real.monotonicTimeNanos,
        sleep: (duration) => real.sleep(duration)
      }))
    )
  }
}
