import * as Effect from "effect/Effect"

/** Goes over pages one by one; `name` is what they are in order of. */
export class Paged<A extends { readonly name: string }, E> {
  readonly #read: (after: string) => Effect.Effect<ReadonlyArray<A>, E>
  #page: ReadonlyArray<A> = []
  #at = 0
  #isOver = false

  /** `read`: what comes behind a name, "" for the first; nothing: there is no more. */
  constructor(read: (after: string) => Effect.Effect<ReadonlyArray<A>, E>) {
    this.#read = read
  }

  /** What comes next; undefined: nothing. */
  get peek(): Effect.Effect<A | undefined, E> {
    return Effect.suspend(() => {
      if (this.#at < this.#page.length || this.#isOver) return Effect.succeed(this.#page[this.#at])
      return Effect.map(this.#read(this.#page.at(-1)?.name ?? ""), (page) => {
        if (page.length === 0) this.#isOver = true
        this.#page = page
        this.#at = 0
        return page[0]
      })
    })
  }

  skip(): void {
    this.#at++
  }
}

/** What two lists in order of names have by one name, or one of them alone. */
export interface Pair<A, B> {
  readonly left: A | undefined
  readonly right: B | undefined
}

/** Goes over both lists at once: a page of each is held. */
export const eachPair = Effect.fnUntraced(function* <
  A extends { readonly name: string },
  B extends { readonly name: string },
  E
>(lefts: Paged<A, E>, rights: Paged<B, E>, use: (pair: Pair<A, B>) => Effect.Effect<void, E>) {
  while (true) {
    const [left, right] = [yield* lefts.peek, yield* rights.peek]
    if (left === undefined && right === undefined) return
    const takesLeft = left !== undefined && (right === undefined || left.name <= right.name)
    const takesRight = right !== undefined && (left === undefined || right.name <= left.name)
    if (takesLeft) lefts.skip()
    if (takesRight) rights.skip()
    yield* use({ left: takesLeft ? left : undefined, right: takesRight ? right : undefined })
  }
})
