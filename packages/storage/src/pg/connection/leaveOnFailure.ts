import * as Effect from "effect/Effect"
import type { PgConnection } from "./PgConnection.ts"

/** A session has no use any more when what it was opened for fails, or is given up. */
export const leaveOnFailure =
  (connection: PgConnection) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.onExit(effect, (exit) => (exit._tag === "Failure" ? Effect.sync(() => connection.leave()) : Effect.void))
