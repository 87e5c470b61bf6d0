import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

interface Turn {
  readonly one: Semaphore.Semaphore
  /** Who works or waits. */
  users: number
}

/** One at a time for each partition, in order of arrival. */
export class Turns {
  readonly #turns = new Map<number, Turn>()

  take<A, E>(partitionId: number, work: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      let turn = this.#turns.get(partitionId)
      if (turn === undefined) this.#turns.set(partitionId, (turn = { one: Semaphore.makeUnsafe(1), users: 0 }))
      turn.users++
      return Effect.ensuring(
        turn.one.withPermits(1)(work),
        Effect.sync(() => {
          if (--turn.users === 0) this.#turns.delete(partitionId)
        })
      )
    })
  }
}
