import * as Effect from "effect/Effect"

/**
 * Wakes those who wait for a condition. Unlike a latch it is never open or closed: a condition is looked at, and its waiter
 * is registered, in one synchronous turn, and it is looked at again after each wake. So no wake-up can be lost between a
 * look and a wait, also where `notify` runs waiters nested in the turn of who calls it.
 */
export interface Signal {
  /** What a condition depends on has changed. Runs those whose condition holds, before it returns. */
  readonly notify: () => void
  /** Returns when the condition holds, at once where it does already. */
  readonly until: (condition: () => boolean) => Effect.Effect<void>
}

export const makeSignal = (): Signal => {
  const waiters = new Set<() => void>()
  return {
    notify: () => {
      if (waiters.size > 0) for (const wake of Array.from(waiters)) wake()
    },
    until: (condition) =>
      Effect.suspend(() =>
        condition()
          ? Effect.void
          : Effect.callback<void>((resume) => {
              const wake = () => {
                // Who was woken before may have taken what this one waits for.
                if (!waiters.has(wake) || !condition()) return
                waiters.delete(wake)
                resume(Effect.void)
              }
              waiters.add(wake)
              return Effect.sync(() => waiters.delete(wake))
            })
      )
  }
}
