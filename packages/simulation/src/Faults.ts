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
  /** A commit that loses its session: before it, at it, behind it. */
  readonly loseSession: number
  readonly stall: number
  /** A commit that waits for another session's lock on a table. */
  readonly lock: number
  /** A process that stands still between the two halves of a commit. */
  readonly hold: number
  /** A read of the store that fails, or takes long. */
  readonly readFails: number
  /** The end of a session that nothing tells of, not even an error. */
  readonly silence: number
}

export type CommitFate =
  | "stored"
  | "refused"
  | "refusedTogether"
  | "stalled"
  | "locked"
  | "lockedOut"
  | "fenced"
  | "storedUnheard"
  | "storedLater"
  | "neverStored"

const NO_RATES: FaultRates = {
  cut: 0,
  half: 0,
  split: 0,
  slow: 0,
  refuse: 0,
  loseSession: 0,
  stall: 0,
  lock: 0,
  hold: 0,
  readFails: 0,
  silence: 0
}

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
      lock: rate(2),
      hold: rate(3),
      readFails: rate(5),
      silence: rate(200)
    }
  }

  heal(): void {
    this.rates = NO_RATES
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

  /** Of a commit of so many units. */
  ofCommit(units: number): CommitFate {
    if (this.#happens(this.rates.refuse)) {
      // Of one alone it would be the truth about that one.
      return units > 1 && this.#chance.permille(500) ? "refusedTogether" : "refused"
    }
    if (this.#happens(this.rates.stall)) return "stalled"
    if (this.#happens(this.rates.lock)) return this.#chance.pick(["locked", "locked", "lockedOut"])
    if (this.#happens(this.rates.loseSession)) {
      return this.#chance.pick(["fenced", "storedUnheard", "storedLater", "storedLater", "neverStored"])
    }
    return "stored"
  }

  commitMs(fate: CommitFate): number {
    if (fate === "locked" || fate === "lockedOut") return this.#chance.between(5000, 40_000)
    return fate === "stalled" ? this.#chance.between(200, 9000) : this.#chance.between(1, 6)
  }

  /** For how long a process stands still between two halves of a commit. */
  holdsBetweenMs(): number {
    return this.#happens(this.rates.hold) ? this.heldMs() : 0
  }

  heldMs(): number {
    return this.#chance.between(1000, 20_000)
  }

  ofRead(): "right" | "fails" | "late" {
    if (!this.#happens(this.rates.readFails)) return "right"
    return this.#chance.pick(["fails", "late"])
  }

  pingMs(): number {
    return this.#happens(this.rates.stall) ? this.#chance.between(100, 3000) : 1
  }

  /** Whether a session that ends leaves every request waiting. */
  isSilent(): boolean {
    return this.#happens(this.rates.silence)
  }

  /** What was under way when its session ended is answered so much later. */
  lateMs(): number {
    return this.rates.loseSession > 0 && this.#chance.permille(300)
      ? this.#chance.between(100, 8000)
      : this.#chance.between(1, 5)
  }

  /** After how long a broker is told that its session is gone; undefined: never, it has to ask. */
  lostAfterMs(): number | undefined {
    return this.#chance.pick([0, this.#chance.between(0, 3000), undefined])
  }

  between(least: number, most: number): number {
    return this.#chance.between(least, most)
  }
}
