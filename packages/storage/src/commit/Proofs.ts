/** Without a proof that this broker is the writer for longer, it answers no reads. */
export const SILENCE_LIMIT_MS = 5000

/** How old the last proof is that this broker is the writer. A proof counts from when it was asked for. */
export class Proofs {
  readonly #nowMs: () => number
  #askedAtMs: number
  /** What `unservedMs` had come to, and when. */
  #unservedBeforeMs = 0
  #countedToMs: number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#askedAtMs = nowMs()
    this.#countedToMs = this.#askedAtMs
  }

  /** When the last one was asked for. */
  get askedAtMs(): number {
    return this.#askedAtMs
  }

  get isFresh(): boolean {
    return this.#nowMs() - this.#askedAtMs < SILENCE_LIMIT_MS
  }

  /** How long in all the last proof was too old. */
  unservedMs(): number {
    return this.#unservedAt(this.#nowMs())
  }

  /** A take-over is a proof, whatever came before it. Reads the clock once: it runs with every commit. */
  begin(askedAtMs: number): void {
    const nowMs = this.#nowMs()
    this.#unservedBeforeMs = this.#unservedAt(nowMs)
    this.#countedToMs = nowMs
    this.#askedAtMs = askedAtMs
  }

  /** Whether it is the newest one. */
  add(askedAtMs: number): boolean {
    if (askedAtMs <= this.#askedAtMs) return false
    this.begin(askedAtMs)
    return true
  }

  #unservedAt(nowMs: number): number {
    const fromMs = Math.max(this.#askedAtMs + SILENCE_LIMIT_MS, this.#countedToMs)
    return this.#unservedBeforeMs + Math.max(0, nowMs - fromMs)
  }
}
