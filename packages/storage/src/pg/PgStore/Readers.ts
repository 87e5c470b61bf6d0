import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { StoreUnavailable } from "../../StoreError.ts"
import { Connection } from "../connection/Connection.ts"
import type { Row } from "../connection/Connection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import type { PgTarget } from "../PgOptions.ts"
import { readStatements } from "./readStatements.ts"

const unavailable = (error: ConnectionError): StoreUnavailable =>
  new StoreUnavailable({
    message: error._tag === "PgError" ? `Postgres refused a read: ${error.message} (${error.code})` : error.message,
    cause: error
  })

/** A few connections for reads, opened when first needed and again when lost. The least busy one is asked. */
export class Readers {
  private readonly target: PgTarget
  private readonly connections: Array<Connection | undefined>
  private readonly opening = Semaphore.makeUnsafe(1)
  private stopped = false

  constructor(target: PgTarget) {
    this.target = target
    this.connections = Array.from({ length: target.readConnections }, () => undefined)
  }

  /** A connection that was not lost when last heard of: the idlest, or a new one while all are busy and one is missing. */
  private readonly ready: Effect.Effect<Connection, ConnectionError> = Effect.suspend(() => {
    let idlest: Connection | undefined
    for (const connection of this.connections) {
      if (connection === undefined || connection.lostBecause !== undefined) continue
      if (idlest === undefined || connection.load < idlest.load) idlest = connection
    }
    const missing = this.connections.findIndex(
      (connection) => connection === undefined || connection.lostBecause !== undefined
    )
    if (idlest !== undefined && (idlest.load === 0 || missing < 0)) return Effect.succeed(idlest)
    return this.opening.withPermits(1)(this.openAt(missing))
  })

  private openAt(slot: number): Effect.Effect<Connection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      const there = this.connections[slot]
      if (there !== undefined && there.lostBecause === undefined) return there
      const connection = yield* this.open
      yield* connection
        .prepare(Object.values(readStatements))
        .pipe(
          Effect.onExit((exit) => (exit._tag === "Failure" ? Effect.sync(() => connection.destroy()) : Effect.void))
        )
      if (this.stopped) connection.destroy()
      this.connections[slot] = connection
      return connection
    }).pipe(Effect.uninterruptible)
  }

  /** One more connection with nothing prepared, for the caller to close. */
  readonly open: Effect.Effect<Connection, ConnectionError> = Effect.suspend(() =>
    Connection.open(this.target, `${this.target.applicationName} reader`)
  )

  /** Asks; once more on another connection if the first was lost, as reading twice does no harm. */
  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, StoreUnavailable> {
    const once = Effect.flatMap(this.ready, (connection) => connection.send(build))
    return once.pipe(
      Effect.catchTag("ConnectionLost", () => once),
      Effect.mapError(unavailable)
    )
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.stopped = true
    return Effect.forEach(this.connections, (connection) => connection?.close() ?? Effect.void, { discard: true })
  })
}
