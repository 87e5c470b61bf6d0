import * as Effect from "effect/Effect"
import type { Active } from "../../commit/Active.ts"

/**
 * A look at the log that began on what another broker may have changed since is done anew; while a take-over is under way
 * it is not, as no client is told of it.
 */
export const inOneReign =
  ({ reign }: Pick<Active["Service"], "reign">) =>
  <A, E>(look: Effect.Effect<A, E>): Effect.Effect<A, E> => {
    const again: Effect.Effect<A, E> = Effect.suspend(() => {
      const before = reign()
      return Effect.flatMap(look, (seen) => {
        const now = reign()
        return now === before || now === undefined ? Effect.succeed(seen) : again
      })
    })
    return again
  }
