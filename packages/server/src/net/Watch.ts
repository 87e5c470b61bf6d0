import * as Effect from "effect/Effect"
import { inArea } from "../observe/LogLines.ts"
import type { ConnectionOptions } from "./ConnectionOptions.ts"
import { logClose, weigh } from "./OpenConnection.ts"
import type { OpenConnection } from "./OpenConnection.ts"
import { lookAt, remedy } from "./Unsent.ts"

/** How often connections are looked at. */
const WATCH_INTERVAL_MS = 1000
/** No client says more before its handshake begins: a ClientHello is one record, or a few. */
const MAX_HELLO_BYTES = 32 * 1024

/**
 * Looks at all connections once a second, for ever: one watch, not a timer for each. Closes what is over its time, and sends
 * answers that were left.
 */
export const watch = (
  open: Iterable<OpenConnection>,
  options: ConnectionOptions,
  nowMs: () => number
): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(WATCH_INTERVAL_MS)
      const now = nowMs()
      for (const connection of open) {
        yield* seeTo(connection)
        weigh(connection)
        const found = overdue(connection, options, now)
        if (found === undefined) continue
        yield* logClose(connection.info, ...found)
        connection.fiber.interruptUnsafe()
      }
    }
  })

/** Why a connection is to be closed, and how loudly: all clients are idle some day. */
const overdue = (
  { inFlight, info, isOpening, lastActiveMs, partialSinceMs, unread, writingSinceMs }: OpenConnection,
  { maxIdleMs, maxLoginMs, maxRequestMs, maxWriteStallMs }: ConnectionOptions,
  now: number
): readonly [reason: string, level: "Info" | "Debug"] | undefined => {
  if (isOpening && unread() > MAX_HELLO_BYTES) return ["the client says more than a ClientHello", "Debug"]
  const loginSinceMs = info.login?.sinceMs ?? 0
  if (loginSinceMs > 0 && now - loginSinceMs > maxLoginMs) {
    return [`it was not authenticated within ${maxLoginMs} ms (tusk.authentication.timeout.ms)`, "Debug"]
  }
  if (partialSinceMs > 0 && now - partialSinceMs > maxRequestMs) {
    return [`a request was begun ${maxRequestMs} ms ago and not finished`, "Info"]
  }
  if (writingSinceMs > 0 && now - writingSinceMs > maxWriteStallMs) {
    return [`the client took none of its answers for ${maxWriteStallMs} ms`, "Info"]
  }
  // One that is mute is so at the broker's will.
  if (inFlight === 0 && now - Math.max(lastActiveMs, info.mutedUntilMs) > maxIdleMs) {
    return [`idle for ${maxIdleMs} ms (connections.max.idle.ms)`, "Debug"]
  }
  return undefined
}

/** An answer that is ready and not sent is never to be: it is told, and sent all the same. */
const seeTo = (connection: OpenConnection): Effect.Effect<void> => {
  const { changed, fiber, info, pending, writingSinceMs } = connection
  connection.unsent = lookAt(connection.unsent, pending, writingSinceMs > 0)
  const needed = remedy(connection.unsent)
  if (needed === undefined) return Effect.void
  const act = () => (needed === "wake" ? changed.notify() : fiber.interruptUnsafe())
  return Effect.logError(`an answer is ready and was not sent: ${needed} its connection`).pipe(
    Effect.annotateLogs({ connection: info.id, pending: pending.length }),
    inArea("net"),
    Effect.andThen(Effect.sync(act))
  )
}
