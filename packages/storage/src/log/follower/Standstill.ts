const FIRST_MS = 500

/** Which partitions of a table stand at a record that does not fit, and until when each is left alone. Pure but for its state. */
export class Standstill {
  readonly #longestMs: number
  readonly #held = new Map<number, { readonly untilMs: number; readonly waitMs: number; readonly at: bigint }>()

  constructor(longestMs: number) {
    this.#longestMs = longestMs
  }

  /** How many partitions stand. */
  get size(): number {
    return this.#held.size
  }

  /** It has met a record that does not fit. Twice as long as before, if it is the same one. */
  hold(partitionId: number, at: bigint, nowMs: number): void {
    const before = this.#held.get(partitionId)
    const waitMs = before?.at === at ? Math.min(before.waitMs * 2, this.#longestMs) : FIRST_MS
    this.#held.set(partitionId, { untilMs: nowMs + waitMs, waitMs, at })
  }

  release(partitionId: number): void {
    this.#held.delete(partitionId)
  }

  clear(): void {
    this.#held.clear()
  }

  isHeld(partitionId: number, nowMs: number): boolean {
    const held = this.#held.get(partitionId)
    return held !== undefined && nowMs < held.untilMs
  }

  /** Milliseconds until the first of them is tried again, at most so many. */
  leftMs(nowMs: number, mostMs: number): number {
    let leftMs = mostMs
    for (const { untilMs } of this.#held.values()) leftMs = Math.min(leftMs, Math.max(0, untilMs - nowMs))
    return leftMs
  }
}
