/** At most so many a second, evenly: of those that were not taken a tenth of a second's are kept. Unlimited from 2^31-1 on. */
export class Pace {
  readonly #perSecond: number
  readonly #burst: number
  #ready: number
  #countedMs = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
    this.#burst = Math.max(1, perSecond / 10)
    this.#ready = this.#burst
  }

  /** How long until one may go, in milliseconds: 0 if it may now. */
  waitMs(nowMs: number): number {
    if (this.#perSecond >= 2 ** 31 - 1) return 0
    this.#ready = Math.min(this.#burst, this.#ready + (this.#perSecond * (nowMs - this.#countedMs)) / 1000)
    this.#countedMs = nowMs
    // What lacks less than any clock tells is there.
    return this.#ready >= 1 - 1e-9 ? 0 : ((1 - this.#ready) * 1000) / this.#perSecond
  }

  /** One goes. */
  take(): void {
    this.#ready -= 1
  }
}
