import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"

/**
 * What a line is about: the start and its settings, connections, requests, the commit and the writer, the log with
 * retention and compaction, objects and their store, groups, topics, who may do what, what clients were denied, Postgres.
 */
export const AREAS = [
  "start",
  "net",
  "request",
  "commit",
  "log",
  "objects",
  "groups",
  "transactions",
  "topics",
  "security",
  "outbox",
  "shadow",
  "authorizer",
  "pg"
] as const
export type Area = (typeof AREAS)[number]

/** Lines of this effect are of the area, whichever fiber logs them: also that of a request. */
export const ofArea =
  (area: Area) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.annotateLogs(effect, { area })

/** Whether a line of a level may be told, where levels change while a broker runs; undefined: `MinimumLogLevel` says so. */
export const MayTell = Context.Reference<((level: LogLevel.LogLevel) => boolean) | undefined>(
  "@tusk/storage/logging/MayTell",
  { defaultValue: () => undefined }
)

/** Tells at any time whether debug lines are wanted, of whatever area: made with a service, for where every request goes by. */
export const debugSwitch: Effect.Effect<() => boolean> = Effect.gen(function* () {
  const mayTell = yield* MayTell
  if (mayTell !== undefined) return () => mayTell("Debug")
  const isTold = yield* LogLevel.isEnabled("Debug")
  return () => isTold
})

const debugMayBeTold = Effect.flatMap(MayTell, (mayTell) =>
  mayTell === undefined ? LogLevel.isEnabled("Debug") : Effect.succeed(mayTell("Debug"))
)

/** A line that is made only if debug lines are wanted, of this area or another one. */
export const logDebugOf = (line: () => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(debugMayBeTold, (isTold) => (isTold ? line() : Effect.void))
