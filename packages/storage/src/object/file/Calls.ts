import * as Effect from "effect/Effect"

/** What the operating system says. */
export type DiskError = NodeJS.ErrnoException

/** A call of `node:fs` that answers with a value. */
export type Call<A> = (done: (error: DiskError | null, value: A) => void) => void

/**
 * So many calls of a disk at a time. Each holds one of the few threads of the process until the disk answers, also when nobody
 * waits for it any more: one that hangs is not to take those by which batches are opened and hosts are found.
 */
export class Calls {
  readonly #most: number
  readonly #waiting = new Set<() => void>()
  #underWay = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Waits for its turn; once it has begun it goes on, whoever waits. */
  readonly asked = <A>(call: Call<A>): Effect.Effect<A, DiskError> =>
    Effect.callback((resume) => {
      const begin = () => {
        this.#underWay++
        call((error, value) => {
          this.#underWay--
          this.#next()
          resume(error === null ? Effect.succeed(value) : Effect.fail(error))
        })
      }
      if (this.#underWay < this.#most) return begin()
      this.#waiting.add(begin)
      return Effect.sync(() => void this.#waiting.delete(begin))
    })

  #next(): void {
    const [first] = this.#waiting
    if (first === undefined || this.#underWay >= this.#most) return
    this.#waiting.delete(first)
    first()
  }
}
