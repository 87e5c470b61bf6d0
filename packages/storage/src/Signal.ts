import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Waits for conditions, of which no wake-up can be lost. A woken fiber runs at once, nested in `notify`, and may change
 * anything: so there is nothing to open or close, and each look is at what holds then.
 */
export interface Signal {
  /** Something changed that a condition may depend on: each fiber that waits looks again. */
  readonly notify: () => void
  /** Returns when the condition holds, at once if it does. It is looked at often, and changes nothing. */
  readonly until: (condition: () => boolean) => Effect.Effect<void>
}

interface Waiter {
  readonly condition: () => boolean
  readonly resume: (effect: Effect.Effect<void>) => void
}

/** One that throws is left to throw where it is waited for: the fiber that notifies has no part in it. */
const holds = ({ condition }: Waiter): boolean => {
  try {
    return condition()
  } catch {
    return true
  }
}

export const makeSignal = (): Signal => {
  const waiters = new Set<Waiter>()

  const registered = (condition: () => boolean): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      const waiter: Waiter = { condition, resume }
      waiters.add(waiter)
      // Looked at once it is registered, in the same turn: what changes from now on is told.
      if (holds(waiter)) {
        waiters.delete(waiter)
        return resume(Effect.void)
      }
      return Effect.sync(() => void waiters.delete(waiter))
    })

  /** Made once for a condition that is waited for often. Between being woken and running, it may have ceased to hold. */
  const until = (condition: () => boolean): Effect.Effect<void> => {
    const wait: Effect.Effect<void> = Effect.flatMap(registered(condition), () => look)
    const look = Effect.suspend(() => (condition() ? Effect.void : wait))
    return look
  }

  return {
    until,
    notify: () => {
      // A waiter that registers meanwhile has looked itself; it stands behind all that are here, and is left out.
      let left = waiters.size
      for (const waiter of waiters) {
        if (left-- === 0) return
        // The ones before it have run by now: they may have notified themselves, or undone what it waits for.
        if (!holds(waiter)) continue
        waiters.delete(waiter)
        waiter.resume(Effect.void)
      }
    }
  }
}

/** Makes signals: the simulation has some that lose a wake-up. */
export const Signals = Context.Reference<() => Signal>("@tusk/storage/Signals", { defaultValue: () => makeSignal })
