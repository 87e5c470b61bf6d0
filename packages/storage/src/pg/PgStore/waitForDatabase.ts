import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Recurring } from "../../Recurring.ts"
import type { AcquireError } from "../../port/StoreError.ts"
import { passes } from "../connection/ConnectionError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"

const RETRY_MS = 500

const mayPass = (error: ConnectionError | AcquireError): boolean => {
  switch (error._tag) {
    case "PgError":
    case "ConnectionLost":
    case "NotSent":
      return passes(error)
    default:
      return false
  }
}

/**
 * Tries again while the database is away, starting up or read-only, for as long as `limitMs` says (it may grow meanwhile);
 * what a person has to change first fails at once.
 */
export const waitForDatabase = <A, E extends ConnectionError | AcquireError, R>(
  attempt: Effect.Effect<A, E, R>,
  limitMs: () => number
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const nowMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const startMs = nowMs()
    const trouble = new Recurring("pg")
    while (true) {
      const result = yield* Effect.result(attempt)
      if (Result.isSuccess(result)) {
        yield* trouble.over("the database is there")
        return result.success
      }
      const error = result.failure
      if (!mayPass(error) || nowMs() - startMs >= limitMs()) return yield* Effect.fail(error)
      yield* trouble.seen(`waiting for the database: ${error.message}`)
      yield* Effect.sleep(RETRY_MS)
    }
  })
