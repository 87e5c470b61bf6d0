import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { CliError } from "../CliError.ts"

/** What `keepRunning` needs of a server, which is no child process of ours. */
export interface Watched {
  /** The process that serves now, or served last. */
  readonly pid: () => number
  readonly isAlive: () => boolean
  /** What the server has said since it was started last. */
  readonly lastLines: () => ReadonlyArray<string>
  readonly startAgain: Effect.Effect<void, CliError>
}

/** To start a server again does not help if it ends more often within `WINDOW_MS`. */
export const MAX_RESTARTS = 3
export const WINDOW_MS = 60_000
/** A look costs a few system calls. */
export const LOOK_INTERVAL_MS = 500

/**
 * Starts a server again that has ended, killed or by itself, and says so with the last lines of its log. Fails if the server
 * was started `MAX_RESTARTS` times within a minute, successfully or not, and is gone again. If it is interrupted, the server
 * stays as it is.
 */
export const keepRunning = (server: Watched): Effect.Effect<never, CliError> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const nowMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    /** When it was started again lately. */
    let restarts: ReadonlyArray<number> = []
    let reported: number | undefined
    while (true) {
      yield* Effect.sleep(LOOK_INTERVAL_MS)
      if (server.isAlive()) continue
      const pid = server.pid()
      const lines = server.lastLines()
      if (reported !== pid) {
        const said = lines.length > 0 ? `the last lines of its log:\n${lines.join("\n")}` : "its log does not say why"
        yield* Effect.logError(`embedded Postgres, process ${pid}, has ended; ${said}`)
        reported = pid
      }
      restarts = restarts.filter((at) => at > nowMs() - WINDOW_MS)
      if (restarts.length >= MAX_RESTARTS) {
        return yield* new CliError({
          message: `embedded Postgres was started again ${MAX_RESTARTS} times within a minute and is gone again; its log ends with: ${lines.at(-1) ?? "nothing new"}`
        })
      }
      restarts = [...restarts, nowMs()]
      yield* Effect.matchEffect(server.startAgain, {
        onFailure: ({ message }) => Effect.logError([message, ...server.lastLines()].join("\n")),
        onSuccess: () => Effect.suspend(() => Effect.logInfo(`embedded Postgres runs again, process ${server.pid()}`))
      })
    }
  })
