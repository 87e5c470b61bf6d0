import type { Offsets } from "@tusk/storage/offsets/Offsets"
import type { AnyCell } from "./GroupKinds.ts"

/** The groups that are in memory, by id. */
export class GroupTable {
  readonly #cells = new Map<string, AnyCell>()
  /** How many commits of first offsets are under way for a group. */
  readonly #held = new Map<string, number>()
  readonly #offsets: Offsets["Service"]

  constructor(offsets: Offsets["Service"]) {
    this.#offsets = offsets
  }

  get size(): number {
    return this.#cells.size
  }
  get(groupId: string): AnyCell | undefined {
    return this.#cells.get(groupId)
  }
  all(): ReadonlyArray<AnyCell> {
    return Array.from(this.#cells.values())
  }
  set(groupId: string, cell: AnyCell): void {
    this.#cells.set(groupId, cell)
  }

  drop(groupId: string): void {
    this.#cells.get(groupId)?.close()
    this.#cells.delete(groupId)
  }
  dropAll(): void {
    for (const groupId of Array.from(this.#cells.keys())) this.drop(groupId)
  }

  /** Takes the group out of memory if nothing is known of it any more. */
  readonly settle = (groupId: string): void => {
    const cell = this.#cells.get(groupId)
    if (cell === undefined || !cell.isVacant()) return
    const needed =
      cell.waiting() > 0 ||
      this.#held.has(groupId) ||
      this.#offsets.fetch(groupId).size + this.#offsets.pending(groupId).size > 0
    if (cell.isDead() || !needed) this.drop(groupId)
  }

  readonly isHeld = (groupId: string): boolean => this.#held.has(groupId)
  readonly hold = (groupId: string): void => {
    this.#held.set(groupId, (this.#held.get(groupId) ?? 0) + 1)
  }
  readonly release = (groupId: string): void => {
    const count = (this.#held.get(groupId) ?? 0) - 1
    if (count <= 0) this.#held.delete(groupId)
    else this.#held.set(groupId, count)
  }
}
