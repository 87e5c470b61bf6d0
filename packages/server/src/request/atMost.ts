import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/** What is nearly always over at once, and costs no timer then. If it takes longer, `late` says what comes of it. */
export const atMost = <A, E>(
  effect: Effect.Effect<A, E>,
  limitMs: () => number,
  late: (fiber: Fiber.Fiber<A, E>) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.forkChild(effect, { startImmediately: true }), (fiber) => {
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return exit
    return Effect.flatMap(Effect.timeoutOption(Fiber.join(fiber), limitMs()), (joined) =>
      Option.isSome(joined) ? Effect.succeed(joined.value) : late(fiber)
    )
  })
