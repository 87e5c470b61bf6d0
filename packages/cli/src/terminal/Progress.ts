import * as Effect from "effect/Effect"
import { Streams } from "./Streams.ts"

/** How far a long work is. */
export interface Progress {
  /** Tells where it is; drawn at most so often as a person can see. */
  readonly at: (done: number, total: number | undefined) => Effect.Effect<void>
  /** Whether anybody sees it. */
  readonly isDrawn: boolean
  /** Takes the bar away. */
  readonly clear: Effect.Effect<void>
}

const EVERY_MS = 100
const BAR = 24

/** One line: a bar where the total is known, else only the count. */
export const progressLine = (label: string, done: number, total: number | undefined, columns: number): string => {
  const count = done.toLocaleString("en-US")
  if (total === undefined || total <= 0) return `${label}  ${count}`.slice(0, columns - 1)
  const share = Math.min(1, done / total)
  const filled = Math.round(share * BAR)
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR - filled)}`
  return `${label}  ${bar} ${String(Math.floor(share * 100)).padStart(3)}%  ${count}`.slice(0, columns - 1)
}

/** On a terminal a line on standard error that is drawn over; nothing elsewhere, and nothing if `isWanted` says no. */
export const makeProgress = (label: string, isWanted: boolean): Effect.Effect<Progress, never, Streams> =>
  Effect.gen(function* () {
    const { stderr } = yield* Streams
    if (!isWanted || !stderr.isTerminal) return { isDrawn: false, at: () => Effect.void, clear: Effect.void }
    let drawnAt = -Infinity
    return {
      isDrawn: true,
      at: (done: number, total: number | undefined) =>
        Effect.suspend(() => {
          const now = performance.now()
          if (now - drawnAt < EVERY_MS) return Effect.void
          drawnAt = now
          return stderr.write(`\r\u001b[K${progressLine(label, done, total, stderr.columns)}`)
        }),
      clear: Effect.suspend(() => (drawnAt === -Infinity ? Effect.void : stderr.write("\r\u001b[K")))
    }
  })
