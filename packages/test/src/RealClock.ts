import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** A timer of Node holds no more. */
const LONGEST_MS = 2 ** 31 - 1

/** Real time, by timers that do not keep the process alive. */
export const realClock: Clock.Clock = {
  currentTimeMillisUnsafe: () => Date.now(),
  currentTimeMillis: Effect.sync(() => Date.now()),
  currentTimeNanosUnsafe: () => BigInt(Date.now()) * 1_000_000n,
  currentTimeNanos: Effect.sync(() => BigInt(Date.now()) * 1_000_000n),
  monotonicTimeNanosUnsafe: () => process.hrtime.bigint(),
  monotonicTimeNanos: Effect.sync(() => process.hrtime.bigint()),
  sleep: (duration) => sleepMs(Duration.toMillis(duration))
}

const sleepMs = (ms: number): Effect.Effect<void> => {
  if (ms <= 0) return Effect.yieldNow
  if (!Number.isFinite(ms)) return Effect.never
  if (ms > LONGEST_MS) return Effect.flatMap(sleepMs(LONGEST_MS), () => sleepMs(ms - LONGEST_MS))
  return Effect.callback<void>((resume) => {
    const timer = setTimeout(() => resume(Effect.void), ms)
    timer.unref()
    return Effect.sync(() => clearTimeout(timer))
  })
}

/** What is waited for here keeps the process alive meanwhile. */
export const held = async <A>(work: () => Promise<A>): Promise<A> => {
  const timer = setInterval(() => {}, LONGEST_MS)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
