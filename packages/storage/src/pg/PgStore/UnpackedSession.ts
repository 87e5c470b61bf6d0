import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { Readers } from "./Readers.ts"
import { unpackedStatements } from "./unpackedStatements.ts"

/** A batch may hold a million records, and they are unpacked in one statement. */
const STATEMENT_MS = 600_000
const SILENCE_MS = STATEMENT_MS + 5000
/**
 * What is lost in a crash is unpacked once more, so that no step waits for the disk; and a row that somebody has locked
 * does not hold other partitions up for long.
 */
const SETTINGS = [`statement_timeout = ${STATEMENT_MS}`, "lock_timeout = 1000", "synchronous_commit = off"]
  .map((setting) => `set ${setting}`)
  .join(";")

const asStoreError = (error: ConnectionError): StoreError =>
  error._tag === "NotSent"
    ? new StoreRefused({ message: error.message, cause: error })
    : new StoreUnavailable({ message: error.message, cause: error })

/** The session that keeps records as rows, in one reign: opened when first needed, and again when lost. */
export class UnpackedSession {
  private readonly readers: Readers
  private readonly opening = Semaphore.makeUnsafe(1)
  private connection: PgConnection | undefined
  private ended = false

  constructor(readers: Readers) {
    this.readers = readers
  }

  private readonly ready: Effect.Effect<PgConnection, ConnectionError> = this.opening.withPermits(1)(
    Effect.suspend(() =>
      this.connection !== undefined && this.connection.lostBecause === undefined
        ? Effect.succeed(this.connection)
        : this.open
    )
  )

  private get open(): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      const connection = yield* this.readers.openAs("records", SILENCE_MS)
      const prepared = Effect.andThen(connection.query(SETTINGS), connection.prepare(Object.values(unpackedStatements)))
      yield* prepared.pipe(leaveOnFailure(connection))
      if (this.ended) connection.leave()
      this.connection = connection
      return connection
    })
  }

  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, StoreError> {
    return Effect.mapError(
      Effect.flatMap(this.ready, (connection) => connection.send(build)),
      asStoreError
    )
  }

  /** The reign is over. Waits for nothing. */
  end(): void {
    this.ended = true
    this.connection?.leave()
  }
}
