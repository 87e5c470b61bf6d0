import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const MEGABYTE = 1024 * 1024
/** Between two looks at the progress, milliseconds. */
const PROGRESS_MS = 1000

/** Told while a long read goes on, at most once a second. */
export type Progress = (bytes: number, at: string) => Effect.Effect<void>

/** Holds a read back to a rate, and tells how far it is. */
export class Pace {
  readonly #bytesPerMs: number
  readonly #progress: Progress
  #startMs: number | undefined
  #toldMs = 0

  /** `megabytesPerSecond`: 0 for as fast as it goes. */
  constructor(megabytesPerSecond: number, progress: Progress) {
    this.#bytesPerMs = (megabytesPerSecond * MEGABYTE) / 1000
    this.#progress = progress
  }

  /** So many bytes are read in all, the last of them here. Waits if that was too fast. */
  read(bytes: number, at: string): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const nowMs = yield* Clock.currentTimeMillis
      this.#startMs ??= nowMs
      if (nowMs - this.#toldMs >= PROGRESS_MS) {
        this.#toldMs = nowMs
        yield* this.#progress(bytes, at)
      }
      if (this.#bytesPerMs === 0) return
      const aheadMs = bytes / this.#bytesPerMs - (nowMs - this.#startMs)
      if (aheadMs > 0) yield* Effect.sleep(aheadMs)
    })
  }
}
