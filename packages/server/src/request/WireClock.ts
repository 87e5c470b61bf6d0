import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * The clock of sockets: idle connections, requests that are received, polls that a client waits for. Undefined: the same as
 * the broker's. A test that sets the broker's time leaves it alone, for its clients live in real time.
 */
export const WireClock = Context.Reference<Clock.Clock | undefined>("@tusk/server/request/WireClock", {
  defaultValue: () => undefined
})

/** The clock that holds for sockets. */
export const wireClock: Effect.Effect<Clock.Clock> = Effect.flatMap(WireClock, (clock) =>
  clock === undefined ? Clock.Clock : Effect.succeed(clock)
)
