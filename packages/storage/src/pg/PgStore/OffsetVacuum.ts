import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"

/** Fewer dead rows are left to autovacuum. */
const LEAST_ROWS = 20_000
/** About as many bytes of the table are one row, dead or alive. */
const ROW_BYTES = 100

/**
 * A row of `kafka.offsets` is dead with the next commit for the same thing: thousands a second, and autovacuum looks once
 * a minute. So the broker vacuums that one table itself, each time a share of it may be dead, on a connection of its own.
 * While another session's snapshot keeps dead rows, the table grows, and vacuum comes more rarely the larger it is.
 */
export class OffsetVacuum {
  private readonly open: Effect.Effect<PgConnection, ConnectionError>
  private readonly due: Queue.Queue<void>
  private deadRows = 0
  private enough = LEAST_ROWS

  private constructor(open: Effect.Effect<PgConnection, ConnectionError>, due: Queue.Queue<void>) {
    this.open = open
    this.due = due
  }

  /** Goes on in the background until the scope closes. `open`: how a connection is opened. */
  static start(open: Effect.Effect<PgConnection, ConnectionError>): Effect.Effect<OffsetVacuum, never, Scope.Scope> {
    return Effect.gen(function* () {
      const vacuum = new OffsetVacuum(open, yield* Queue.sliding<void>(1))
      yield* Effect.forkScoped(Effect.forever(vacuum.next))
      return vacuum
    })
  }

  /** A stored commit deleted so many. */
  superseded(rows: number): void {
    this.deadRows += rows
    if (this.deadRows < this.enough) return
    this.deadRows = 0
    Queue.offerUnsafe(this.due, undefined)
  }

  private get next(): Effect.Effect<void> {
    return Effect.andThen(
      Queue.take(this.due),
      Effect.catch(this.vacuum, (error) => Effect.logDebug(`kafka.offsets is left to autovacuum: ${error.message}`))
    )
  }

  private get vacuum(): Effect.Effect<void, ConnectionError> {
    return Effect.acquireUseRelease(
      this.open,
      (connection) =>
        Effect.gen({ self: this }, function* () {
          yield* connection.query("vacuum kafka.offsets")
          const [size] = yield* connection.query("select pg_relation_size('kafka.offsets')")
          this.enough = Math.max(LEAST_ROWS, Number(size?.[0]) / ROW_BYTES / 2)
        }),
      (connection) => Effect.sync(() => connection.leave())
    )
  }
}
