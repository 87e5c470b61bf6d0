import * as Effect from "effect/Effect"
import type { Deadlines } from "../request/Deadlines.ts"
import type { OpenConnection } from "./OpenConnection.ts"

/**
 * Waits while a connection is mute, as its client has used more than its quota: nothing of it is begun, and nothing is read. The
 * end of the connection or of the broker ends the wait.
 */
export const unmuted = (
  connection: OpenConnection,
  deadlines: Deadlines["Service"],
  nowMs: () => number
): (() => Effect.Effect<void> | undefined) => {
  const { changed, info } = connection
  const isMute = () => info.mutedUntilMs > nowMs() && !connection.stopping && !info.isGone
  const wake = () => changed.notify()
  const wait: Effect.Effect<void> = Effect.suspend(() => {
    let hasRung = false
    const ring = () => {
      hasRung = true
      wake()
    }
    // It waits for its own sake: that its client has sent a part of a request only is not the client's fault.
    connection.partialSinceMs = 0
    const ringsAt = deadlines.at(info.mutedUntilMs, ring)
    info.onEnding(wake)
    return changed
      .until(() => hasRung || !isMute())
      .pipe(
        Effect.ensuring(
          Effect.sync(() => {
            deadlines.off(ringsAt, ring)
            info.offEnding(wake)
          })
        ),
        // An answer that was under way may have made it mute for longer.
        Effect.andThen(Effect.suspend(() => (isMute() ? wait : Effect.void)))
      )
  })
  return () => (info.mutedUntilMs > 0 && isMute() ? wait : undefined)
}
