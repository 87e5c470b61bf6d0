import type { Chance } from "./Chance.ts"

export type StatementFate = "right" | "stalled" | "refused" | "unheard" | "never" | "late"

/** What goes wrong with sessions beside the one that commits: none of it may be felt by any client. */
export class SideFaults {
  readonly #chance: Chance
  /** Of a thousand statements. Falls to nothing when the world heals. */
  #rate: number

  constructor(chance: Chance) {
    this.#chance = chance
    this.#rate = chance.pick([0, 40, 40, 120])
  }

  heal(): void {
    this.#rate = 0
  }

  ofStatement(): StatementFate {
    if (this.#rate === 0 || !this.#chance.permille(this.#rate)) return "right"
    return this.#chance.pick(["stalled", "refused", "unheard", "never", "late"])
  }

  between(least: number, most: number): number {
    return this.#chance.between(least, most)
  }

  statementMs(fate: StatementFate): number {
    if (fate === "late") return this.#chance.between(100, 4000)
    return fate === "stalled" ? this.#chance.between(200, 9000) : this.#chance.between(0, 2)
  }
}
