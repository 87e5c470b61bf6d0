import * as Effect from "effect/Effect"
import { copyFileSync, rmSync, truncateSync } from "node:fs"
import { logBytes } from "./ServerProcess.ts"

/** The server's log begins anew beyond this; the one before is kept beside it as `postgres.log.1`. */
export const MAX_LOG_BYTES = 10 * 1024 * 1024
/** A look is one system call. */
const LOOK_INTERVAL_MS = 1000

/**
 * Begins the log anew if it is too long. The server keeps the file open, and appends: so it is copied, then cut. Postgres'
 * own collector would keep no bound: it cuts a file by its age, never by its size.
 */
const bound = (log: string): void => {
  if (logBytes(log) <= MAX_LOG_BYTES) return
  const before = `${log}.1`
  rmSync(before, { force: true })
  try {
    copyFileSync(log, before)
  } finally {
    // Also if the disk is full: then this is what frees it.
    truncateSync(log)
  }
}

/** Keeps the log of a server bounded for as long as it runs. What cannot be done is told, and tried again. */
export const keepBounded = (log: string): Effect.Effect<never> =>
  Effect.forever(
    Effect.try(() => bound(log)).pipe(
      Effect.catch(({ cause }) =>
        Effect.logWarning(`embedded Postgres: ${log} cannot be begun anew: ${String(cause)}`)
      ),
      Effect.andThen(Effect.sleep(LOOK_INTERVAL_MS))
    )
  )
