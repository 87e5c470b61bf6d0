const MINUTE_MS = 60_000
/** Clocks differ by less than this; by more, one of them is wrong. */
const TOLERANCE_MS = 10 * MINUTE_MS
/** For how long a wall clock that has leapt goes on steadily before it is believed. */
const TRUST_MS = 24 * 60 * MINUTE_MS
/** Notes of how far the numbers of objects have come, until one is settled. */
const NOTES = 70

/** What time it may be, in milliseconds. */
export interface Times {
  /** By the clock that is behind: what is older than so by it is so by all. */
  readonly earliest: number
  /** By the one that is ahead. */
  readonly latest: number
  /** Whether they differ by more than clocks do. */
  readonly differ: boolean
}

/**
 * The time by three clocks: the wall clock, the same as it would be had it not leapt since the process began (by the monotonic
 * clock), and that of the database's server. A leap makes a difference between the first two: an age is what the slowest of them
 * says, until the new time has lasted for a day. So a clock that leaps ahead removes nothing early, and one that leaps back
 * removes later. A clock that is wrong already when the process begins is found out by the server's, if that is another machine's.
 */
export class WallTimes {
  /** Of the wall clock to the monotonic one. */
  #offset: number | undefined
  #leapt: { readonly offset: number; readonly sinceMs: number } | undefined

  at(wallMs: number, monotonicMs: number, serverMs: number | undefined): Times {
    const offset = wallMs - monotonicMs
    this.#offset ??= offset
    if (Math.abs(offset - this.#offset) <= TOLERANCE_MS) this.#leapt = undefined
    else if (this.#leapt === undefined || Math.abs(offset - this.#leapt.offset) > TOLERANCE_MS) {
      this.#leapt = { offset, sinceMs: monotonicMs }
    } else if (monotonicMs - this.#leapt.sinceMs >= TRUST_MS) {
      this.#offset = offset
      this.#leapt = undefined
    }
    const told = [wallMs, Math.round(monotonicMs + this.#offset), serverMs ?? wallMs]
    const [earliest, latest] = [Math.min(...told), Math.max(...told)]
    return { earliest, latest, differ: latest - earliest > TOLERANCE_MS }
  }
}

/**
 * Which objects of this process are so old that no unit brings a pointer to one any more: by the monotonic clock, as the units go
 * by it. Their numbers rise: an object whose number was reached long ago was put long ago.
 */
export class OwnAges {
  /** Numbers that were reached by then, a note for a part of the time; the first is the newest of those that are settled. */
  readonly #notes: Array<{ number: number; ms: number; readonly beganMs: number }> = []
  readonly #settledMs: number

  /** `settledMs`: as `CollectorOptions` has it. */
  constructor(settledMs: number) {
    this.#settledMs = settledMs
  }

  /** An object of this number is there now. */
  note(number: number, nowMs: number): void {
    const last = this.#notes.at(-1)
    if (last !== undefined && number <= last.number) return
    if (last !== undefined && nowMs - last.beganMs < this.#settledMs / NOTES) {
      last.number = number
      last.ms = nowMs
      return
    }
    this.#notes.push({ number, ms: nowMs, beganMs: nowMs })
    while (this.#notes.length > 1 && nowMs - this.#notes[1]!.ms >= this.#settledMs) this.#notes.shift()
  }

  isSettled(number: number, nowMs: number): boolean {
    return this.#notes.some((note) => number <= note.number && nowMs - note.ms >= this.#settledMs)
  }
}
