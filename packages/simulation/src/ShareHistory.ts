import { SHARE_LOCK_MS } from "./limits.ts"

/** Consecutive records that a member of a share group acquired with a request. */
interface Shared {
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly member: string
  readonly startMs: number
  readonly nowMs: number
}

/** Which member holds which records of share groups. */
export class ShareHistory {
  readonly #violate: (invariant: string, text: string) => void
  /** The member that holds a record, until when for sure; and when it was done with. */
  readonly #shared = new Map<
    string,
    { readonly member: string; readonly untilMs: number; readonly holds: () => boolean }
  >()
  readonly #finished = new Map<string, number>()

  constructor(violate: (invariant: string, text: string) => void) {
    this.#violate = violate
  }

  /** A failover lost what was accepted last: it is given out again. */
  forget(): void {
    this.#shared.clear()
    this.#finished.clear()
  }

  /**
   * Records were acquired in a share group. Their last holder has let them go, or its lock is over, or what the broker knew
   * of it is lost (`holds` tells whether it cannot be): and no member gets what was accepted or rejected before it asked.
   */
  acquires(group: string, taken: Shared, holds: () => boolean): void {
    for (let offset = taken.first; offset <= taken.last; offset++) {
      const key = `${group}/${taken.partition}/${offset}`
      const doneAtMs = this.#finished.get(key)
      if (doneAtMs !== undefined && doneAtMs < taken.startMs) {
        this.#violate("G6", `${taken.member} is given ${key} at ${taken.startMs}, which was done with at ${doneAtMs}`)
      }
      // What happened while it was under way may have come before or after.
      if (!holds()) continue
      const before = this.#shared.get(key)
      if (before !== undefined && before.member !== taken.member && before.holds() && taken.nowMs < before.untilMs) {
        this.#violate("G6", `${before.member} and ${taken.member} hold ${key}`)
      }
      this.#shared.set(key, { member: taken.member, untilMs: taken.startMs + SHARE_LOCK_MS, holds })
    }
  }

  /** Before an acknowledgement is sent. */
  lets(group: string, member: string, partition: number, first: number, last: number): void {
    for (let offset = first; offset <= last; offset++) {
      const key = `${group}/${partition}/${offset}`
      if (this.#shared.get(key)?.member === member) this.#shared.delete(key)
    }
  }

  /** Accepted or rejected, and that acknowledged. */
  finishes(group: string, partition: number, first: number, last: number, nowMs: number): void {
    for (let offset = first; offset <= last; offset++) this.#finished.set(`${group}/${partition}/${offset}`, nowMs)
  }

  drops(member: string): void {
    for (const [key, held] of this.#shared) if (held.member === member) this.#shared.delete(key)
  }
}
