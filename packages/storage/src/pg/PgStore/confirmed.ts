import * as Effect from "effect/Effect"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError, PgError } from "../connection/ConnectionError.ts"

/** A write that leaves no row, which any role may do and every standby has to take. */
export const EMIT = "select pg_logical_emit_message(true, 'tusk', '')"

/** Between two attempts to hear of a standby. */
const RETRY_MS = 100

/**
 * Waits until it is certain that the server's standbys have what a COMMIT stored, if they have to: if its wait for
 * them was cut short, it returned with a warning, and stored here alone. A later COMMIT without one proves it, as
 * positions in the WAL only rise.
 */
export const confirmed = <A extends { readonly warning: PgError | undefined }, E>(
  connection: PgConnection,
  stored: Effect.Effect<A, E>
): Effect.Effect<A, E | ConnectionError> =>
  Effect.tap(stored, ({ warning }) => (warning === undefined ? Effect.void : confirm(connection, warning)))

const confirm = (connection: PgConnection, warning: PgError): Effect.Effect<void, ConnectionError> =>
  Effect.gen(function* () {
    yield* Effect.logWarning(`a commit is stored, and a standby may not have it (${warning.code}): ${warning.message}`)
    while (true) {
      const emitted = yield* connection.queryStoring(EMIT).pipe(
        // A server that cannot store even that now is asked until it can, or until the session ends.
        Effect.catchTag("PgError", (error) => Effect.succeed({ warning: error }))
      )
      if (emitted.warning === undefined) return
      yield* Effect.sleep(RETRY_MS)
    }
  })
