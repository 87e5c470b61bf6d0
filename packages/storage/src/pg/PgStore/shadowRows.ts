import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ShadowRows } from "../../port/ShadowRows.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import { ShadowSession } from "./ShadowSession.ts"
import { shadowOf } from "./shadowStatements.ts"

/** Where a shadow outside of the broker keeps how far it is. The session lives as long as the scope. */
export const shadowRowsOf = (
  open: Effect.Effect<PgConnection, ConnectionError>
): Effect.Effect<ShadowRows, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new ShadowSession(open)),
      (session) => Effect.sync(() => session.end())
    ),
    (session) => shadowOf((build) => session.send(build))
  )
