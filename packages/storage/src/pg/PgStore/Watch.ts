import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { Fenced, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { PgConnection, TextRows } from "../connection/PgConnection.ts"
import { ConnectionLost } from "../connection/ConnectionError.ts"
import type { ConnectionError, PgError } from "../connection/ConnectionError.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { Beside } from "./Beside.ts"
import { identify, watchName, whoHolds } from "./clusterLock.ts"
import type { Session } from "./clusterLock.ts"
import { confirmed, EMIT } from "./confirmed.ts"

/** A watch that says nothing for so long is lost. */
const SILENCE_MS = 3000
/** How long it may take to open one and hear of it. */
const OPEN_MS = 2000
const TOO_MANY_CONNECTIONS = "53300"

/** A session for heartbeats, as the server knows it. */
interface Heart {
  readonly connection: PgConnection
  readonly session: Session
}

const isOpen = (connection: PgConnection | undefined): connection is PgConnection =>
  connection !== undefined && connection.lostBecause === undefined

const asStoreError = (error: ConnectionError | Fenced): StoreError =>
  error._tag === "Fenced"
    ? error
    : new StoreUnavailable({ message: `the cluster's lock cannot be looked at: ${error.message}`, cause: error })

/**
 * Looks after the session that holds the lock, beside whatever that is doing: the watch asks which session holds it,
 * the heart writes, and waits for standbys as a commit does. Both live for one reign, and are opened when first needed.
 */
export class Watch {
  private readonly beside: Beside
  private readonly scope: Scope.Scope
  private readonly opening = Semaphore.makeUnsafe(1)
  private watch: PgConnection | undefined
  private heart: Heart | undefined
  /** The one heartbeat under way. */
  private beating: Deferred.Deferred<void, StoreError> | undefined
  private ended = false

  /** `scope`: a heartbeat goes on in it when its caller does not wait any longer. */
  constructor(beside: Beside, scope: Scope.Scope) {
    this.beside = beside
    this.scope = scope
  }

  /** Whether the writer's session holds the lock, by the server's word. */
  readonly ping: Effect.Effect<void, StoreError> = Effect.suspend(() => {
    const asked = isOpen(this.watch)
      ? Effect.catchTag(this.ask(this.watch), "ConnectionLost", () => this.askAnew)
      : this.askAnew
    return Effect.flatMap(asked, (rows) => this.judge(rows)).pipe(
      // A session that does not see the writer is not asked the next time.
      Effect.tapError(() => Effect.sync(() => this.watch?.leave())),
      Effect.mapError(asStoreError)
    )
  })

  /** When it returns, this server was the writer's after it was asked: standbys that have to took what was written. */
  readonly heartbeat: Effect.Effect<void, StoreError> = Effect.suspend(() => {
    const before = this.beating
    // What that one says is older than this question; and if it hangs, no second one is to hang beside it.
    if (before !== undefined) return Effect.andThen(Effect.exit(Deferred.await(before)), this.heartbeat)
    const done = Deferred.makeUnsafe<void, StoreError>()
    const beat = Effect.suspend(() => {
      this.beating = done
      return Effect.onExit(this.beat, (exit) => {
        this.beating = undefined
        return Deferred.done(done, exit)
      })
    })
    return Effect.andThen(Effect.forkIn(beat, this.scope, { startImmediately: true }), Deferred.await(done))
  })

  /** The reign is over. Waits for nothing. */
  end(): void {
    this.ended = true
    this.watch?.leave()
    this.heart?.connection.leave()
  }

  private judge(rows: TextRows): Effect.Effect<void, Fenced> {
    if (this.beside.isHolder(rows[0])) return Effect.void
    const message = rows.length === 0 ? "nobody holds the cluster's lock" : "another session holds the cluster's lock"
    return Effect.fail(new Fenced({ message }))
  }

  private ask(connection: PgConnection): Effect.Effect<TextRows, ConnectionError> {
    const { heart } = this
    return Effect.tap(connection.query(whoHolds(heart?.session)), ([holder]) =>
      Effect.sync(() => {
        // The server does not know its session: what it was sent is never answered.
        if (holder?.[2] === "f") heart?.connection.destroy()
      })
    )
  }

  private open(name: string, silenceMs: number | undefined): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.suspend(() =>
      this.ended
        ? Effect.fail(new ConnectionLost({ message: "this broker is not the writer any more", sent: false }))
        : this.beside.open(name, { connectTimeoutMs: OPEN_MS, ...(silenceMs !== undefined && { silenceMs }) })
    )
  }

  /** Asks on a new session; on the writer's own if the server has none to give and that one has nothing to do. */
  private readonly askAnew: Effect.Effect<TextRows, ConnectionError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      if (!isOpen(this.watch)) {
        this.watch = yield* this.open(watchName(this.beside.applicationName, this.beside.session), SILENCE_MS)
        if (this.ended) this.watch.leave()
      }
      return yield* this.ask(this.watch)
    }).pipe(
      this.opening.withPermits(1),
      Effect.catchTag("PgError", (error) => this.orByWriter(error, (writer) => this.ask(writer))),
      Effect.timeoutOrElse({
        duration: OPEN_MS,
        orElse: () => Effect.fail(new ConnectionLost({ message: `no answer in ${OPEN_MS} ms`, sent: true }))
      })
    )
  )

  private orByWriter<A, E>(
    error: PgError,
    use: (writer: PgConnection) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | PgError> {
    const { writer } = this.beside
    return error.code === TOO_MANY_CONNECTIONS && writer.load === 0 ? use(writer) : Effect.fail(error)
  }

  private get beat(): Effect.Effect<void, StoreError> {
    const once = Effect.flatMap(this.heartConnection, (connection) => this.beatOn(connection)).pipe(
      Effect.catchTag("PgError", (error) => this.orByWriter(error, (writer) => this.beatOn(writer)))
    )
    return once.pipe(
      Effect.catchTag("ConnectionLost", () => once),
      Effect.tapError(() => Effect.sync(() => this.heart?.connection.leave())),
      Effect.mapError(asStoreError)
    )
  }

  private beatOn(connection: PgConnection): Effect.Effect<void, ConnectionError | Fenced> {
    const written = Effect.tap(connection.queryStoring(`${whoHolds()}; ${EMIT}`), ({ rows }) =>
      // The last row is the message's place in the WAL.
      this.judge(rows.slice(0, -1))
    )
    return Effect.asVoid(confirmed(connection, written))
  }

  private readonly heartConnection: Effect.Effect<PgConnection, ConnectionError> = Effect.suspend(() => {
    if (isOpen(this.heart?.connection)) return Effect.succeed(this.heart!.connection)
    return Effect.timeoutOrElse(this.openHeart, {
      duration: OPEN_MS,
      orElse: () => Effect.fail(new ConnectionLost({ message: `no answer in ${OPEN_MS} ms`, sent: false }))
    })
  })

  private get openHeart(): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      const connection = yield* this.open(`${this.beside.applicationName} heart`, undefined)
      const session = yield* leaveOnFailure(connection)(identify(connection))
      this.heart = { connection, session }
      if (this.ended) connection.leave()
      return connection
    })
  }
}
