import { SILENCE_LIMIT_MS } from "@tusk/storage/commit/Active"

/** One time for which a broker is the cluster's writer, and what it knows of that. */
export class Reign {
  readonly sinceMs: number
  /** Infinity while it is the writer. */
  untilMs = Infinity
  /** When it asked for the last proof that it had. */
  provenAtMs: number
  /** When it was told that it is not the writer any more. */
  toldAtMs = Infinity

  constructor(sinceMs: number, askedAtMs: number) {
    this.sinceMs = sinceMs
    this.provenAtMs = askedAtMs
  }

  proven(askedAtMs: number): void {
    if (askedAtMs > this.provenAtMs) this.provenAtMs = askedAtMs
  }

  ends(nowMs: number): void {
    this.untilMs = Math.min(this.untilMs, nowMs)
  }

  told(nowMs: number): void {
    this.toldAtMs = Math.min(this.toldAtMs, nowMs)
  }

  /** What is asked for later may not be answered from what it knows. */
  get servesUntilMs(): number {
    return Math.min(this.provenAtMs + SILENCE_LIMIT_MS, this.toldAtMs)
  }
}

/** Which brokers were the writer and when, and until when each may answer as if it were. */
export class Reigns {
  readonly #byBroker = new Map<string, Array<Reign>>()

  begins(broker: string, nowMs: number, askedAtMs: number): Reign {
    const reign = new Reign(nowMs, askedAtMs)
    const reigns = this.#byBroker.get(broker)
    if (reigns === undefined) this.#byBroker.set(broker, [reign])
    else reigns.push(reign)
    return reign
  }

  /**
   * Whether what this broker answered to requests that were sent from `firstMs` to `lastMs` may be behind what another one
   * has stored: it was not the writer any more, and neither told nor silent for so long that it had to know.
   */
  mayBeBehind(broker: string, firstMs: number, lastMs = firstMs): boolean {
    const reigns = this.#byBroker.get(broker)
    if (reigns === undefined) return true
    return reigns.some(({ servesUntilMs, untilMs }) => untilMs <= lastMs && firstMs <= servesUntilMs)
  }

  /** How old its last proof was when it was asked; only if it may not have answered any more. */
  isUnproven(broker: string, sentMs: number): number | undefined {
    const reign = this.#byBroker.get(broker)?.at(-1)
    if (reign === undefined) return undefined
    const ageMs = sentMs - reign.provenAtMs
    return ageMs > SILENCE_LIMIT_MS ? ageMs : undefined
  }

  /** Whether it has been the writer from then on until now. */
  isWriter(broker: string, sinceMs: number): boolean {
    const reign = this.#byBroker.get(broker)?.at(-1)
    return reign !== undefined && reign.untilMs === Infinity && reign.sinceMs < sinceMs
  }
}
