import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import { ConnectionLost } from "../connection/ConnectionError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { Beside } from "./Beside.ts"
import { Pointers } from "./Pointers.ts"
import { readStatements } from "./readStatements.ts"

const asStoreError = (error: ConnectionError): StoreError => {
  switch (error._tag) {
    case "NotSent":
      return new StoreRefused({ message: error.message, cause: error })
    case "PgError":
      return new StoreUnavailable({
        message: `Postgres refused a read: ${error.message} (${error.code})`,
        cause: error
      })
    case "ConnectionLost":
      return new StoreUnavailable({ message: error.message, cause: error })
  }
}

/**
 * A few connections for the reads of one reign, opened when first needed and again when lost. The least busy one is
 * asked. Each has to see the writer under the lock before it is used: whatever else answers at the writer's address,
 * an old primary or a standby that is behind, is not what the writer writes to.
 *
 * No read goes through SqlClient, not even a cold one. A take-over reads on the session that holds the lock, all else on
 * these sessions. The client of `@effect/sql-pg` has a pool of its own: it does not make this check, knows no list of
 * hosts, and takes more of the server's connections. All cold reads belong to a start, and to load that client adds
 * 200 ms and 17 MB to the 370 ms of this backend (measured, Node 26).
 */
export class Readers {
  /** Where batches lie that have been read. */
  readonly pointers: Pointers
  private readonly beside: Beside
  private readonly connections: Array<PgConnection | undefined>
  private readonly opening = Semaphore.makeUnsafe(1)
  private readonly over = Deferred.makeUnsafe<never, ConnectionLost>()

  constructor(beside: Beside, count: number, pointers: number) {
    this.beside = beside
    this.pointers = new Pointers(pointers)
    this.connections = Array.from({ length: count }, () => undefined)
  }

  /** A connection that was not lost when last heard of: the idlest, or a new one while all are busy and one is missing. */
  private readonly ready: Effect.Effect<PgConnection, ConnectionError> = Effect.suspend(() => {
    let idlest: PgConnection | undefined
    for (const connection of this.connections) {
      if (connection === undefined || connection.lostBecause !== undefined) continue
      if (idlest === undefined || connection.load < idlest.load) idlest = connection
    }
    const missing = this.connections.findIndex(
      (connection) => connection === undefined || connection.lostBecause !== undefined
    )
    if (idlest !== undefined && (idlest.load === 0 || missing < 0)) return Effect.succeed(idlest)
    return Effect.raceFirst(this.opening.withPermits(1)(this.openAt(missing)), Deferred.await(this.over))
  })

  private openAt(slot: number): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      const there = this.connections[slot]
      if (there !== undefined && there.lostBecause === undefined) return there
      const connection = yield* this.open
      yield* connection.prepare(Object.values(readStatements)).pipe(leaveOnFailure(connection))
      this.connections[slot] = connection
      return connection
    })
  }

  /** One more connection to the writer's server, with nothing prepared, for the caller to close. */
  readonly open: Effect.Effect<PgConnection, ConnectionError> = Effect.suspend(() => this.openAs("reader"))

  /** The same by a name of its own. `silenceMs`: how long it may be silent when it is asked something. */
  openAs(name: string, silenceMs?: number): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      const limits = silenceMs === undefined ? {} : { silenceMs }
      const connection = yield* this.beside.open(`${this.beside.applicationName} ${name}`, limits)
      const isOurs = yield* this.beside.isOurs(connection).pipe(leaveOnFailure(connection))
      if (isOurs) return connection
      connection.leave()
      const message = "the server at the writer's address is not the writer's: nothing is read from it"
      return yield* new ConnectionLost({ message, sent: false })
    })
  }

  /** Asks; once more on another connection if the first was lost, as reading twice does no harm. */
  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, StoreError> {
    const once = Effect.flatMap(this.ready, (connection) => connection.send(build))
    return once.pipe(
      Effect.catchTag("ConnectionLost", () => once),
      Effect.mapError(asStoreError)
    )
  }

  /** The reign is over: what is being read fails now. Waits for nothing. */
  end(): void {
    const message = "this broker is not the writer any more"
    Deferred.doneUnsafe(this.over, Effect.fail(new ConnectionLost({ message, sent: false })))
    for (const connection of this.connections) connection?.leave()
  }
}
