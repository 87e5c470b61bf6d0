import type * as Clock from "effect/Clock"

/** Milliseconds since some time or other: what waits goes by these, for the wall clock can be set, forth and back. */
export const monotonicMs = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
