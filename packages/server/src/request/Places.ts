import { makeSignal } from "@tusk/storage/Signal"
import type * as Effect from "effect/Effect"

/** A place in the Committer's queue that a request has a claim to. */
export interface Place {
  /** Taken, or given up. */
  isOver: boolean
}

/**
 * The places of one connection's Produces in the Committer's queue, in order of arrival: what is done to a request before
 * that may take its time beside the others, and does not change the order.
 */
export class Places {
  readonly #claims: Array<Place> = []
  readonly #changed = makeSignal()
  /** Returns when no request has a claim. */
  readonly drained: Effect.Effect<void> = this.#changed.until(() => this.#claims.length === 0)

  /** No request has a claim: one that comes now need not make one. */
  get isEmpty(): boolean {
    return this.#claims.length === 0
  }

  claim(): Place {
    const place: Place = { isOver: false }
    this.#claims.push(place)
    return place
  }

  /** Returns when all that came before have their place, or will never have one. */
  turnOf(place: Place): Effect.Effect<void> {
    return this.#changed.until(() => this.#claims[0] === place)
  }

  /** The claim is over. The next one has its turn once all before it are over. */
  end(place: Place): void {
    place.isOver = true
    while (this.#claims[0]?.isOver) this.#claims.shift()
    this.#changed.notify()
  }
}
