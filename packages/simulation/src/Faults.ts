import type { Chance } from "./Chance.ts"

/** How likely what goes wrong is, out of a thousand. Drawn anew for each seed, so that seeds differ in kind. */
export interface FaultRates {
  /** A write to a connection that is lost with the connection. */
  readonly cut: number
  readonly half: number
  readonly split: number
  /** A delivery that takes long. */
  readonly slow: number
  /** A commit that is refused, and nothing of it stored. */
  readonly refuse: number
  /** A commit whose session is lost: before it, at it, behind it. */
  readonly loseSession: number
  readonly stall: number
  /** A read of the store that fails. */
  readonly readFails: number
}

export type CommitFate = "stored" | "refused" | "stalled" | "fenced" | "storedUnheard" | "storedLater" | "neverStored"

/** What goes wrong, and how often it did. */
export class Faults {
  /** Falls to nothing when the world heals. */
  rates: FaultRates
  count = 0
  readonly #chance: Chance

  constructor(chance: Chance) {
    this.#chance = chance
    // Now and then a seed knows no trouble of one kind, or much of it.
    const rate = (usual: number) => chance.pick([0, usual, usual, usual, 3 * usual])
    this.rates = {
      cut: rate(8),
      half: rate(5),
      split: 100,
      slow: rate(10),
      refuse: rate(15),
      loseSession: rate(15),
      stall: rate(8),
      readFails: rate(5)
    }
  }

  heal(): void {
    this.rates = { cut: 0, half: 0, split: 0, slow: 0, refuse: 0, loseSession: 0, stall: 0, readFails: 0 }
  }

  #happens(permille: number): boolean {
    if (permille === 0 || !this.#chance.permille(permille)) return false
    this.count++
    return true
  }

  /** Milliseconds on the way. */
  delayMs(): number {
    return this.#happens(this.rates.slow) ? this.#chance.between(50, 4000) : this.#chance.below(3)
  }

  ofBytes(): "whole" | "split" | "half" | "cut" {
    if (this.rates.split > 0 && this.#chance.permille(this.rates.split)) return "split"
    if (this.#happens(this.rates.half)) return "half"
    return this.#happens(this.rates.cut) ? "cut" : "whole"
  }

  ofCommit(): CommitFate {
    if (this.#happens(this.rates.refuse)) return "refused"
    if (this.#happens(this.rates.stall)) return "stalled"
    if (this.#happens(this.rates.loseSession)) {
      return this.#chance.pick(["fenced", "storedUnheard", "storedLater", "storedLater", "neverStored"])
    }
    return "stored"
  }

  ofRead(): boolean {
    return this.#happens(this.rates.readFails)
  }

  /** After how long a broker is told that its session is gone; undefined: never, it has to ask. */
  lostAfterMs(): number | undefined {
    return this.#chance.pick([0, this.#chance.between(0, 3000), undefined])
  }

  between(least: number, most: number): number {
    return this.#chance.between(least, most)
  }
}
