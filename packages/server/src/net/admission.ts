import * as Effect from "effect/Effect"
import { Deadlines } from "../request/Deadlines.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { wireClock } from "../request/WireClock.ts"
import { ClientQuotas } from "../security/quota/ClientQuotas.ts"
import { ConnectionOptions } from "./ConnectionOptions.ts"
import type { LimitsOf } from "./ListenerLimits.ts"
import type { Roster } from "./Roster.ts"
import { Turnstile } from "./Turnstile.ts"
import type { Arrival } from "./Turnstile.ts"

/**
 * Runs `then` for a socket that has come, in its turn and within the limits; false if it is to be closed: there are too many,
 * or its address is throttled, and the time for that is over. Nothing is done for it before, TLS neither.
 */
export type Admitting = <E, R>(arrival: Arrival, then: Effect.Effect<void, E, R>) => Effect.Effect<boolean, E, R>

export interface Admission {
  readonly admitting: Admitting
  /** Nobody that waits is admitted any more. */
  readonly close: () => void
}

export const admission = Effect.fnUntraced(function* (roster: Roster, limitsOf: LimitsOf) {
  const { addresses } = yield* ClientQuotas
  const { maxCreationRate } = yield* ConnectionOptions
  const clock = yield* wireClock
  const deadlines = yield* Deadlines
  const nowMs = () => monotonicMs(clock)
  const turnstile = new Turnstile(maxCreationRate, deadlines, nowMs)

  /** Returns when the time is over. */
  const throttled = (forMs: number): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const ring = () => resume(Effect.void)
      const ringsAt = deadlines.at(nowMs() + forMs, ring)
      return Effect.sync(() => deadlines.off(ringsAt, ring))
    })

  const admitting: Admitting = (arrival, then) =>
    Effect.suspend(() => {
      const { clientHost, listener } = arrival
      if (!roster.admits(clientHost, listener)) return Effect.succeed(false)
      roster.came(clientHost, listener)
      const forMs = addresses.connected(clientHost, nowMs())
      const inTurn = turnstile.turn(arrival, limitsOf(listener).maxCreationRate)
      const admitted = Effect.flatMap(inTurn, (isIts) => (isIts ? Effect.as(then, true) : Effect.succeed(false)))
      return Effect.ensuring(
        forMs > 0 ? Effect.as(throttled(forMs), false) : admitted,
        Effect.sync(() => roster.left(clientHost, listener))
      )
    })

  return { admitting, close: () => turnstile.close() } satisfies Admission
})
