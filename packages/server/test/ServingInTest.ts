/** Whether a broker serves, as a test says. */
import { Active } from "@tusk/storage/commit/Active"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export class ServingInTest {
  #isServing = true
  #isElsewhere = false
  #looksLeft = Number.POSITIVE_INFINITY
  #waiting = 0
  readonly #changed = makeSignal()

  set(isServing: boolean): void {
    this.#isServing = isServing
    this.#changed.notify()
  }

  /** Another broker has the lock. */
  setElsewhere(): void {
    this.#isElsewhere = true
    this.#changed.notify()
  }

  /** It serves for so many looks yet: a request is admitted with the first, and looked at again with the second. */
  setForLooks(looks: number): void {
    this.#isServing = true
    this.#looksLeft = looks
  }

  /** Returns once so many requests wait until it serves. */
  waiting(count: number): Effect.Effect<void> {
    return this.#changed.until(() => this.#waiting >= count)
  }

  /** Returns once no request waits any more. */
  readonly waitingNoMore = this.#changed.until(() => this.#waiting === 0)

  #look(): boolean {
    if (this.#looksLeft === 0) return false
    this.#looksLeft--
    return this.#isServing
  }

  readonly #whenThere = Effect.suspend(() => {
    this.#waiting++
    this.#changed.notify()
    return Effect.ensuring(
      this.#changed.until(() => this.#isServing),
      Effect.sync(() => {
        this.#waiting--
        this.#changed.notify()
      })
    )
  })

  readonly active = Layer.effect(
    Active,
    Effect.map(Active, (active) =>
      Active.of({
        ...active,
        isServing: () => this.#look() && active.isServing(),
        whenServing: this.#whenThere,
        // As during a take-over, unless only the proof is old.
        reign: () => (this.#isServing ? active.reign() : undefined),
        whenReigning: this.#whenThere,
        whenElsewhere: this.#changed.until(() => this.#isElsewhere)
      })
    )
  ).pipe(Layer.provide(Active.layer))
}
