import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { AddressMeters } from "../security/quota/AddressMeters.ts"
import type { Deadlines } from "../request/Deadlines.ts"
import { monotonicMs } from "../request/monotonic.ts"
import type { ListenerLimits } from "./ConnectionOptions.ts"
import type { Peer } from "./OpenConnection.ts"
import type { Roster } from "./Roster.ts"
import type { Turnstile } from "./Turnstile.ts"

/** A socket that was accepted. */
export interface Arrival extends Pick<Peer, "clientHost" | "onGone"> {
  readonly listener: string
}

interface Parts {
  readonly addresses: AddressMeters
  readonly clock: Clock.Clock
  readonly deadlines: Deadlines["Service"]
  readonly limitsOf: (listener: string) => ListenerLimits
  readonly roster: Roster
  readonly turnstile: Turnstile
}

/**
 * Runs `then` for a socket that has come, in its turn and within the limits; false if it is to be closed: there are too many,
 * or its address is throttled, and the time for that is over. Nothing is done for it before, TLS neither.
 */
export type Admitting = <E, R>(arrival: Arrival, then: Effect.Effect<void, E, R>) => Effect.Effect<boolean, E, R>

export const admission = (parts: Parts): Admitting => {
  const { addresses, clock, limitsOf, roster, turnstile } = parts
  const rates = new Map<string, number>()
  const rateOf = (listener: string): number => {
    let rate = rates.get(listener)
    if (rate === undefined) rates.set(listener, (rate = limitsOf(listener).maxCreationRate))
    return rate
  }
  return (arrival, then) =>
    Effect.suspend(() => {
      const { clientHost, listener, onGone } = arrival
      if (!roster.admits(clientHost, listener)) return Effect.succeed(false)
      roster.came(clientHost, listener)
      const forMs = addresses.connected(clientHost, monotonicMs(clock))
      const admitted = Effect.flatMap(turnstile.turn(listener, rateOf(listener), onGone), (isIts) =>
        isIts ? Effect.as(then, true) : Effect.succeed(false)
      )
      return Effect.ensuring(
        forMs > 0 ? Effect.as(throttled(parts, arrival, forMs), false) : admitted,
        Effect.sync(() => roster.left(clientHost, listener))
      )
    })
}

/** Returns when the time is over, or the client has gone. */
const throttled = ({ clock, deadlines }: Parts, { onGone }: Arrival, forMs: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const ring = () => resume(Effect.void)
    const ringsAt = deadlines.at(monotonicMs(clock) + forMs, ring)
    onGone(ring)
    return Effect.sync(() => deadlines.off(ringsAt, ring))
  })
