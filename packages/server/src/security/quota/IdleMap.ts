/** State by key that is made when it is asked for, and forgotten when it was idle for long or there is too much of it. */
export class IdleMap<State> {
  /** In order of last use. */
  readonly #entries = new Map<string, { readonly state: State; usedMs: number }>()
  readonly #maxEntries: number
  readonly #idleMs: number
  readonly #make: () => State

  constructor(maxEntries: number, idleMs: number, make: () => State) {
    this.#maxEntries = maxEntries
    this.#idleMs = idleMs
    this.#make = make
  }

  get size(): number {
    return this.#entries.size
  }

  of(key: string, nowMs: number): State {
    const entry = this.#entries.get(key) ?? { state: this.#make(), usedMs: nowMs }
    entry.usedMs = nowMs
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    for (const [oldest, { usedMs }] of this.#entries) {
      if (this.#entries.size <= this.#maxEntries && nowMs - usedMs < this.#idleMs) break
      this.#entries.delete(oldest)
    }
    return entry.state
  }
}
