import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** How long a broker that starts may have no pages: to load Node's HTTP server takes longer than most starts. */
const EARLY_MS = 200

/**
 * The admin pages come once the broker is there, or while it stands by for long. If they cannot come, neither does the broker.
 * Returns both.
 */
export const besideAdmin = Effect.fnUntraced(function* <A, E, R, B, E2>(
  broker: Effect.Effect<A, E, R>,
  admin: Effect.Effect<B, E2, Scope.Scope>
) {
  const scope = yield* Effect.scope
  let begun: Fiber.Fiber<B, E2> | undefined
  /** In a fiber of its own, as the race's is interrupted. */
  const begin = Effect.gen(function* () {
    begun ??= yield* Effect.forkIn(Scope.provide(admin, scope), scope)
    return yield* Fiber.join(begun)
  })
  const early = Effect.sleep(EARLY_MS).pipe(Effect.andThen(begin), Effect.andThen(Effect.never))
  const built = yield* Effect.raceFirst(broker, early)
  return [built, yield* begin] as const
})
