import type { Chance } from "./Chance.ts"

/**
 * What becomes of a call to the object store. `refused`: it does not happen, and the caller knows. `failed`: neither, and he does
 * not know. `half`: an answer that is too short. `unheard`: it happens, and the answer is lost. `late`: the caller is told of an
 * error, and it happens some time after that.
 */
export type CallFate = "right" | "slow" | "refused" | "failed" | "half" | "unheard" | "late"

const READ_FATES = ["slow", "slow", "refused", "failed", "half"] as const
const CHANGE_FATES = ["slow", "slow", "refused", "failed", "unheard", "late"] as const

/** Longest time that a call may take before it is an error: the store's own limit. */
const LIMIT_MS = 5000

/** What goes wrong with the object store, by a chance of its own. */
export class ObjectFaults {
  readonly #chance: Chance
  /** Of a thousand calls. Falls to nothing when the world heals. */
  #rate: number
  count = 0

  constructor(chance: Chance) {
    this.#chance = chance
    this.#rate = chance.pick([0, 50, 50, 50, 150])
  }

  heal(): void {
    this.#rate = 0
  }

  of(kind: "read" | "change"): CallFate {
    if (this.#rate === 0 || !this.#chance.permille(this.#rate)) return "right"
    this.count++
    return this.#chance.pick<CallFate>(kind === "read" ? READ_FATES : CHANGE_FATES)
  }

  /** Of a call while the store is away: it says so, or nothing. */
  awayMs(): number {
    return this.#chance.pick([1, LIMIT_MS])
  }

  /** When it happens, if it does. */
  callMs(fate: CallFate): number {
    if (fate === "late") return this.#chance.between(100, 20_000)
    return fate === "slow" ? this.#chance.between(50, 4000) : this.#chance.between(1, 6)
  }

  /** When the caller is told of an error. */
  errorMs(): number {
    return this.#chance.pick([2, this.#chance.between(2, 500), LIMIT_MS])
  }
}
