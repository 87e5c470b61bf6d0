import * as Effect from "effect/Effect"

/** Requests that wait until something in a share partition is free again, by the partition's key. */
export class FreeWatchers {
  readonly #byKey = new Map<string, Set<() => void>>()

  isWatched(key: string): boolean {
    return this.#byKey.has(key)
  }

  /** Something in this partition is free again. */
  tell(key: string): void {
    for (const free of Array.from(this.#byKey.get(key) ?? [])) free()
  }

  tellAll(): void {
    for (const key of Array.from(this.#byKey.keys())) this.tell(key)
  }

  /** Calls `free` for any of these partitions while `use` runs. */
  watching<A, E>(keys: ReadonlyArray<string>, free: () => void, use: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const begin = Effect.sync(() => {
      for (const key of keys) {
        const all = this.#byKey.get(key)
        if (all === undefined) this.#byKey.set(key, new Set([free]))
        else all.add(free)
      }
    })
    const end = Effect.sync(() => {
      for (const key of keys) {
        const all = this.#byKey.get(key)
        all?.delete(free)
        if (all?.size === 0) this.#byKey.delete(key)
      }
    })
    return Effect.acquireUseRelease(
      begin,
      () => use,
      () => end
    )
  }
}
