/** A handshake that has gone on for so long gives way to one that waits, milliseconds. */
const STALE_MS = 1000
/** Begun in one turn of the event loop: each signs, which takes a third of a millisecond with ECDSA. */
const BEGUN_PER_TURN = 8

/** One handshake, from when the client has said its first to its end. */
export interface Handshake {
  readonly host: string
  /** It may begin now. */
  readonly begin: () => void
  /** It has taken too long while others wait. */
  readonly giveUp: () => void
}

/**
 * The handshakes of one listener: at most `max` at a time, and few begun at once, so that those who are connected are served
 * in between. Who waits comes in by turns of hosts; who stalls gives way.
 */
export class Handshakes {
  readonly #max: number
  readonly #nowMs: () => number
  /** In the order in which they began, with the time. */
  readonly #running = new Map<Handshake, number>()
  readonly #waiting = new Set<Handshake>()
  readonly #perHost = new Map<string, number>()
  #isPumping = false

  constructor(max: number, nowMs: () => number) {
    this.#max = max
    this.#nowMs = nowMs
  }

  enter(handshake: Handshake): void {
    this.#waiting.add(handshake)
    this.#pump()
  }

  /** It is over, whether it began or not. */
  leave(handshake: Handshake): void {
    this.#waiting.delete(handshake)
    if (!this.#running.delete(handshake)) return
    const left = (this.#perHost.get(handshake.host) ?? 1) - 1
    if (left === 0) this.#perHost.delete(handshake.host)
    else this.#perHost.set(handshake.host, left)
    if (this.#waiting.size > 0) this.#pump()
  }

  /** To be called now and then: those that stall make room for as many as wait. */
  giveWay(): void {
    const beforeMs = this.#nowMs() - STALE_MS
    let wanted = this.#waiting.size - (this.#max - this.#running.size)
    for (const [handshake, sinceMs] of Array.from(this.#running)) {
      if (wanted-- <= 0 || sinceMs > beforeMs) return
      handshake.giveUp()
    }
  }

  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    setImmediate(() => {
      this.#isPumping = false
      for (let begun = 0; begun < BEGUN_PER_TURN && this.#running.size < this.#max; begun++) {
        const next = this.#next()
        if (next === undefined) return
        this.#waiting.delete(next)
        this.#running.set(next, this.#nowMs())
        this.#perHost.set(next.host, (this.#perHost.get(next.host) ?? 0) + 1)
        next.begin()
      }
      if (this.#waiting.size > 0 && this.#running.size < this.#max) this.#pump()
    })
  }

  /** Of the host with the fewest, the one that has waited longest. */
  #next(): Handshake | undefined {
    let next: Handshake | undefined
    let fewest = Infinity
    for (const handshake of this.#waiting) {
      const running = this.#perHost.get(handshake.host) ?? 0
      if (running >= fewest) continue
      next = handshake
      fewest = running
      if (running === 0) break
    }
    return next
  }
}
