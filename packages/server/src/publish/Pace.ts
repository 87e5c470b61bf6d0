import type { PublicationStep } from "@tusk/storage/port/Publications"

/** Rows of a first step, and at most. */
const FIRST_ROWS = 100
const MOST_ROWS = 5000
/** A step holds its rows as long as it takes: writers of these wait meanwhile. */
const STEP_MS = 30
/** Values of a step lie in memory of the server and of the outbox. */
const STEP_BYTES = 4 * 1024 * 1024
/** After a step that found a lock, or no room: at first, and at most. */
const REST_MS = 20
const LONGEST_REST_MS = 2000
/** After one that failed, at most. */
const LONGEST_FAILURE_REST_MS = 60_000
/** Locks are nothing to tell of before. */
const LOCKED_FOR_MS = 5000

/** How one snapshot goes on: how many rows its next step takes, and when that is. */
export class Pace {
  most = FIRST_ROWS
  untilMs = 0
  #restMs = REST_MS
  #lockedSinceMs: number | undefined

  /** After a step that took so long. Tells for how long rows have been locked, once that is long. */
  after({ bytes, state }: PublicationStep, nowMs: number, tookMs: number): number | undefined {
    if (state === "locked" || state === "waits") {
      if (state === "locked") {
        this.most = Math.max(1, Math.floor(this.most / 4))
        this.#lockedSinceMs ??= nowMs
      }
      this.#rest(nowMs, LONGEST_REST_MS)
      const lockedForMs = nowMs - (this.#lockedSinceMs ?? nowMs)
      return lockedForMs > LOCKED_FOR_MS ? lockedForMs : undefined
    }
    this.#restMs = REST_MS
    this.#lockedSinceMs = undefined
    // Writers have as much time for themselves as a step took.
    this.untilMs = nowMs + Math.min(tookMs, LONGEST_REST_MS)
    if (tookMs > STEP_MS || bytes > STEP_BYTES) this.most = Math.max(1, Math.floor(this.most / 2))
    else if (tookMs < STEP_MS / 2 && bytes < STEP_BYTES / 2) this.most = Math.min(MOST_ROWS, this.most * 2)
    return undefined
  }

  failed(nowMs: number): void {
    this.most = Math.max(1, Math.floor(this.most / 2))
    this.#restMs = Math.max(this.#restMs, 10 * REST_MS)
    this.#rest(nowMs, LONGEST_FAILURE_REST_MS)
  }

  #rest(nowMs: number, longestMs: number): void {
    this.untilMs = nowMs + this.#restMs
    this.#restMs = Math.min(2 * this.#restMs, longestMs)
  }
}
