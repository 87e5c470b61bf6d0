import * as Effect from "effect/Effect"
import { StoreUnavailable } from "./port/StoreError.ts"
import type { StoreError } from "./port/StoreError.ts"

/** Waits for a read of the store no longer than any request may wait: a server that says nothing keeps no request. */
export const within =
  (ms: number) =>
  <A>(effect: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    Effect.timeoutOrElse(effect, {
      duration: ms,
      orElse: () => Effect.fail(new StoreUnavailable({ message: `the database has not answered for ${ms} ms` }))
    })
