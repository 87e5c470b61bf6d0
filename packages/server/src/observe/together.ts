import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/** Runs one at a time: those that ask while one is under way share the next one, and what it gives. */
export const together = <A>(look: Effect.Effect<A>): Effect.Effect<A> => {
  const running = Semaphore.makeUnsafe(1)
  let asked = 0
  /** The last to have asked before what there is was begun. */
  let covered = 0
  let last: A | undefined
  return Effect.suspend(() => {
    const mine = ++asked
    return running.withPermits(1)(
      Effect.suspend(() => {
        if (mine <= covered) return Effect.succeed(last as A)
        const covers = asked
        return Effect.map(look, (found) => {
          covered = covers
          last = found
          return found
        })
      })
    )
  })
}
