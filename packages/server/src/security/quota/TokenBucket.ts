import type { Windows } from "./WindowedRate.ts"

/**
 * Permits that come at a rate, as many as the windows hold at most (KIP-599). What is taken may be more than there is: then
 * nothing is given until that has come in. Times are milliseconds that never go back; it begins full.
 */
export class TokenBucket {
  readonly #windows: Windows
  #tokens = Infinity
  #filledMs = 0

  constructor(windows: Windows) {
    this.#windows = windows
  }

  /** How many there are, below 0 if too many were taken; `perSecond`: the quota of now. */
  available(perSecond: number, nowMs: number): number {
    const burst = (this.#windows.samples * this.#windows.sampleMs * perSecond) / 1000
    this.#tokens = Math.min(burst, this.#tokens + (perSecond * (nowMs - this.#filledMs)) / 1000)
    this.#filledMs = nowMs
    return this.#tokens
  }

  take(permits: number, perSecond: number, nowMs: number): void {
    this.#tokens = this.available(perSecond, nowMs) - permits
  }

  /** How long until there is one again, in milliseconds: 0 if there is. */
  waitMs(perSecond: number, nowMs: number): number {
    const available = this.available(perSecond, nowMs)
    return available < 0 ? Math.round((-available / perSecond) * 1000) : 0
  }
}
