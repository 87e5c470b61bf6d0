import * as Effect from "effect/Effect"
import type { CommitBeside } from "../../port/CommitStore.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { Unit } from "../../port/Write.ts"
import { ConnectionLost } from "../connection/ConnectionError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { Beside } from "./Beside.ts"
import { RELEASE_BESIDE, takeBesideLock } from "./besideLock.ts"
import { IDLE_LIMIT_MS } from "./clusterLock.ts"
import { commitBeside } from "./commit.ts"
import { commitStatements } from "./CommitFrame.ts"
import type { LastCommit } from "./Witness.ts"

/** How often the session is asked something while it has nothing to do, as its server ends one that stands still. */
const KEEP_ALIVE_MS = 2000

/** What is not had once is not asked for again so soon. */
const gone = (message: string) => new ConnectionLost({ message, sent: false })

/**
 * The session that commits beside the writer, opened when first needed. It has a lock of its own, which it takes before it
 * sees the writer under the cluster's: whoever has that one later waits until this lock is free, so that nothing of this session
 * is stored behind a take-over.
 */
export class SecondWriter {
  private readonly beside: Beside
  private readonly epoch: () => number
  private readonly last: LastCommit
  private connection: PgConnection | undefined
  private ended = false

  /** `epoch`: of the reign, once it is known. */
  constructor(beside: Beside, epoch: () => number, last: LastCommit) {
    this.beside = beside
    this.epoch = epoch
    this.last = last
  }

  /** Returns whether it can be used. */
  readonly ready: Effect.Effect<boolean> = Effect.suspend(() =>
    this.isOpen
      ? Effect.succeed(true)
      : this.open.pipe(
          Effect.as(true),
          Effect.catch(({ message }) => Effect.as(Effect.logDebug(`no second session for commits: ${message}`), false))
        )
  )

  commit(units: ReadonlyArray<Unit>): Effect.Effect<void, StoreError> {
    return Effect.suspend(() =>
      this.connection === undefined || this.ended
        ? Effect.fail(new StoreUnavailable({ message: "there is no second session for commits" }))
        : commitBeside(this.connection, units, this.epoch(), this.last)
    )
  }

  /** Keeps the session from being ended as one that stands still. */
  readonly keepAlive: Effect.Effect<never> = Effect.forever(
    Effect.andThen(
      Effect.sleep(KEEP_ALIVE_MS),
      Effect.suspend(() => {
        const { connection } = this
        return this.isOpen && connection!.load === 0 ? Effect.ignore(connection!.query("")) : Effect.void
      })
    )
  )

  /** The reign is over. Waits for nothing but a session that answers at once. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.ended = true
    return this.connection === undefined ? Effect.void : Effect.asVoid(this.connection.close(RELEASE_BESIDE))
  })

  private get isOpen(): boolean {
    return !this.ended && this.connection !== undefined && this.connection.lostBecause === undefined
  }

  private readonly open: Effect.Effect<void, ConnectionError> = Effect.gen({ self: this }, function* () {
    const connection = yield* this.beside.open(`${this.beside.applicationName} second`)
    const fit = Effect.gen({ self: this }, function* () {
      yield* connection.query(
        `set idle_session_timeout = ${IDLE_LIMIT_MS}; set idle_in_transaction_session_timeout = ${IDLE_LIMIT_MS};
          set tusk.broker = on`
      )
      if (!(yield* takeBesideLock(connection))) return yield* gone("another session has its lock")
      if (!(yield* this.beside.isOurs(connection))) return yield* gone("the writer does not hold the cluster's lock")
      yield* connection.prepare(Object.values(commitStatements))
      if (this.ended) return yield* gone("this broker is not the writer any more")
    })
    yield* fit.pipe(leaveOnFailure(connection))
    this.connection = connection
  })
}

/** The second door of the reign that is in force. */
export const besideOf = (
  withReign: <A>(
    use: (reign: { readonly second: SecondWriter }) => Effect.Effect<A, StoreError>
  ) => Effect.Effect<A, StoreError>
): CommitBeside => ({
  ready: Effect.orElseSucceed(
    withReign(({ second }) => second.ready),
    () => false
  ),
  commit: (units) => withReign(({ second }) => second.commit(units))
})
