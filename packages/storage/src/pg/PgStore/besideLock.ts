import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import { BESIDE_LOCK } from "../schema/SchemaVersion.ts"
import { ask, heldLock, OWN_GRACE_MS, OWN_LIMIT_MS, RETRY_MS } from "./clusterLock.ts"

const KEY = BESIDE_LOCK.join()

/** Gives the lock back of the session that commits beside the writer. */
export const RELEASE_BESIDE = `select pg_advisory_unlock(${KEY})`
const END_HOLDER = `select pg_terminate_backend(pid) from pg_locks where ${heldLock(BESIDE_LOCK)}`

/** Takes the lock of the session that commits beside the writer; false: another session has it. */
export const takeBesideLock = (connection: PgConnection): Effect.Effect<boolean, ConnectionError> =>
  Effect.map(ask(connection, `select pg_try_advisory_lock(${KEY})`), ([row]) => row?.[0] === "t")

/**
 * Waits until no session of an earlier reign commits beside the writer. With the cluster's lock taken, nothing that such a one
 * has in hand is to be stored any more, or it is stored once it is gone: it is ended.
 */
export const waitForBeside = (connection: PgConnection): Effect.Effect<void, ConnectionError | StoreUnavailable> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const nowMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const start = nowMs()
    let ended = false
    while (!(yield* takeBesideLock(connection))) {
      const waited = nowMs() - start
      if (!ended && waited >= OWN_GRACE_MS) {
        ended = true
        yield* connection.query(END_HOLDER).pipe(
          Effect.asVoid,
          // Another role's session: its own limits end it.
          Effect.catchTag("PgError", ({ message }) => Effect.logWarning(`a former session cannot be ended: ${message}`))
        )
      }
      if (waited > OWN_LIMIT_MS) {
        return yield* new StoreUnavailable({ message: "a session that commits for an earlier broker does not end" })
      }
      yield* Effect.sleep(RETRY_MS)
    }
    yield* ask(connection, RELEASE_BESIDE)
  })
