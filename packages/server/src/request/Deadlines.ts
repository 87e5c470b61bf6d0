import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { monotonicMs } from "./monotonic.ts"
import { wireClock } from "./WireClock.ts"

/** Deadlines are told apart this finely, in milliseconds: those that fall together are one timer. */
const GRAIN_MS = 4
/** The same for those that are far off: a long wait may be a little longer, and many are then woken at once. */
const FAR_GRAIN_MS = 16
const FAR_MS = 200

const ceilTo = (timeMs: number, grainMs: number): number => Math.ceil(timeMs / grainMs) * grainMs

/**
 * One timer for all that wait until a time: a thousand long polls are a thousand entries here, and not as many fibers
 * that sleep.
 */
export class Deadlines extends Context.Service<
  Deadlines,
  {
    /**
     * Rings once at a time of the monotonic clock, in milliseconds, or up to 4 ms later, up to 16 ms if it is 200 ms
     * off; at once if it is over. Returns when it rings.
     */
    readonly at: (deadlineMs: number, ring: () => void) => number
    /** Takes off what `at` was given; `ringsAt` is what it returned. */
    readonly off: (ringsAt: number, ring: () => void) => void
  }
>()("@tusk/server/request/Deadlines") {
  static readonly layer = Layer.effect(
    Deadlines,
    Effect.gen(function* () {
      const clock = yield* wireClock
      const fork = Effect.runForkWith(Context.add(yield* Effect.context<never>(), Clock.Clock, clock))
      /** By the time at which they ring; times in order. */
      const rings = new Map<number, Set<() => void>>()
      const times: Array<number> = []
      let timer: Fiber.Fiber<void> | undefined
      let timerAtMs = Number.POSITIVE_INFINITY

      const wake = Effect.sync(() => {
        timer = undefined
        timerAtMs = Number.POSITIVE_INFINITY
        const now = monotonicMs(clock)
        let due = 0
        while (due < times.length && times[due]! <= now) due++
        for (const time of times.splice(0, due)) {
          const all = rings.get(time)
          rings.delete(time)
          for (const ring of all ?? []) ring()
        }
        arm()
      })

      const arm = (): void => {
        const next = times[0]
        if (next === undefined || next >= timerAtMs) return
        timer?.interruptUnsafe()
        timerAtMs = next
        timer = fork(Effect.andThen(Effect.sleep(Math.max(1, Math.ceil(next - monotonicMs(clock)))), wake))
      }

      /** Nearly always the last one: waits are of few lengths. */
      const insert = (time: number): void => {
        let at = times.length
        while (at > 0 && times[at - 1]! > time) at--
        times.splice(at, 0, time)
      }

      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          timer?.interruptUnsafe()
          times.length = 0
          rings.clear()
        })
      )
      return Deadlines.of({
        at: (deadlineMs, ring) => {
          const isFar = deadlineMs - monotonicMs(clock) >= FAR_MS
          const time = ceilTo(deadlineMs, isFar ? FAR_GRAIN_MS : GRAIN_MS)
          let all = rings.get(time)
          if (all === undefined) {
            rings.set(time, (all = new Set()))
            insert(time)
          }
          all.add(ring)
          arm()
          return time
        },
        // A time with nothing left to call rings for nothing.
        off: (ringsAt, ring) => void rings.get(ringsAt)?.delete(ring)
      })
    })
  )
}
