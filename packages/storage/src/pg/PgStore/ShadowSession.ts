import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import { ConnectionLost } from "../connection/ConnectionError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import { shadowStatements } from "./shadowStatements.ts"

const asStoreError = (error: ConnectionError): StoreError =>
  error._tag === "NotSent"
    ? new StoreRefused({ message: error.message, cause: error })
    : new StoreUnavailable({ message: error.message, cause: error })

/** The session in which a shadow keeps how far it is: opened when first needed, and again when lost. */
export class ShadowSession {
  private readonly openOne: Effect.Effect<PgConnection, ConnectionError>
  readonly #opening = Semaphore.makeUnsafe(1)
  #connection: PgConnection | undefined
  #isOver = false

  /** `open` opens a session to the database, with nothing prepared. */
  constructor(open: Effect.Effect<PgConnection, ConnectionError>) {
    this.openOne = open
  }

  readonly #ready: Effect.Effect<PgConnection, ConnectionError> = Effect.suspend(() =>
    this.#opening.withPermits(1)(
      Effect.suspend(() => {
        const there = this.#connection
        return there !== undefined && there.lostBecause === undefined ? Effect.succeed(there) : this.#open
      })
    )
  )

  get #open(): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      if (this.#isOver) return yield* new ConnectionLost({ message: "the session is over", sent: false })
      const connection = yield* this.openOne
      yield* connection.prepare(Object.values(shadowStatements)).pipe(leaveOnFailure(connection))
      if (this.#isOver) connection.leave()
      this.#connection = connection
      return connection
    })
  }

  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, StoreError> {
    return Effect.mapError(
      Effect.flatMap(this.#ready, (connection) => connection.send(build)),
      asStoreError
    )
  }

  /** Waits for nothing. */
  end(): void {
    this.#isOver = true
    this.#connection?.leave()
  }
}
