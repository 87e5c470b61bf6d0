import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Outbox } from "../../port/Outbox.ts"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { ConnectionLost } from "../connection/ConnectionError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import { OUTBOX_LOCK } from "../schema/SchemaVersion.ts"
import type { Beside } from "./Beside.ts"
import { Listening } from "./Listening.ts"
import {
  decodeKeys,
  decodePart,
  decodePass,
  encodeKeys,
  encodeLimits,
  encodePass,
  encodeRows,
  outboxStatements,
  PASS_KEYS
} from "./outboxStatements.ts"

const [CLASS, OBJECT] = OUTBOX_LOCK
const SECURITY_CHANNEL = "kafka_security"
const ERASURES_CHANNEL = "kafka_erasures"
/** The session holds nothing else. */
const RISE = "select pg_advisory_unlock_all()"

const asStoreError = (error: ConnectionError): StoreError => {
  const message = `the outbox cannot be read: ${error.message}`
  return error._tag === "NotSent"
    ? new StoreRefused({ message, cause: error })
    : new StoreUnavailable({ message, cause: error })
}

/**
 * The session that reads the outbox in one reign, opened when first needed and again when lost. It listens: a session
 * that produces notifies if it finds this one's lock held.
 */
export class OutboxSession {
  private readonly beside: Beside
  private readonly opening = Semaphore.makeUnsafe(1)
  private readonly listening = new Listening()
  /** What is heard of changes to rows of security. */
  readonly security = new Listening()
  /** What is heard of keys that are to be erased. */
  private readonly erasures = new Listening()
  private connection: PgConnection | undefined
  /** Whether the server lets a transaction be prepared, which cannot have notified. */
  private prepares = false
  private ended = false

  constructor(beside: Beside) {
    this.beside = beside
  }

  readonly tell: Outbox["tell"] = (limits) => Effect.asVoid(this.send((frame) => encodeLimits(frame, limits)))

  readonly pass: Outbox["pass"] = (asked) =>
    Effect.map(
      this.send((frame) => encodePass(frame, asked)),
      decodePass
    )

  readonly keys: Outbox["keys"] = (asked) =>
    Effect.map(
      this.send((frame) => encodeKeys(frame, asked)),
      decodeKeys
    )

  readonly rows: Outbox["rows"] = (keys) =>
    Effect.map(
      this.send((frame) => encodeRows(frame, keys)),
      (rows) => decodePart(rows, keys.length)
    )

  readonly settle: Outbox["settle"] = (forced) =>
    Effect.mapError(
      Effect.flatMap(this.ready, (connection) => {
        if (this.prepares && !forced) return Effect.succeed(false)
        this.listening.begin()
        // What a caller that failed half way has taken goes first: locks of a session are counted.
        const taken = connection.query(`${RISE}; select pg_try_advisory_lock(${CLASS}, ${OBJECT})`)
        return Effect.map(taken, (rows) => rows.at(-1)?.[0] === "t")
      }),
      asStoreError
    )

  readonly woken: Outbox["woken"] = (limitMs) =>
    Effect.suspend(() => (this.connection === undefined ? Effect.void : this.listening.heard(this.connection, limitMs)))

  readonly rise: Outbox["rise"] = Effect.suspend(() =>
    // A session that was lost holds nothing any more.
    this.connection === undefined || this.connection.lostBecause !== undefined
      ? Effect.void
      : this.connection.query(RISE).pipe(Effect.asVoid, Effect.mapError(asStoreError))
  )

  /** From now on the session hears of what is asked. */
  get hearsErasures(): Effect.Effect<void, StoreError> {
    return Effect.mapError(
      Effect.map(this.ready, () => this.erasures.begin()),
      asStoreError
    )
  }

  /** Returns when a session has asked for something to be erased, or after so long. */
  erasureAsked(limitMs: number): Effect.Effect<void, StoreError> {
    return Effect.mapError(
      Effect.flatMap(this.ready, (connection) => this.erasures.heard(connection, limitMs)),
      asStoreError
    )
  }

  /** The reign is over. Waits for nothing. */
  end(): void {
    this.ended = true
    this.connection?.leave()
    this.listening.end()
    this.security.end()
    this.erasures.end()
  }

  private send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, StoreError> {
    return Effect.mapError(
      Effect.flatMap(this.ready, (connection) => connection.send(build)),
      asStoreError
    )
  }

  /** The session, opened if it is not there: it listens on all channels. */
  readonly ready: Effect.Effect<PgConnection, ConnectionError> = Effect.suspend(() => {
    const there = this.there
    return there === undefined ? this.opening.withPermits(1)(this.open) : Effect.succeed(there)
  })

  private get there(): PgConnection | undefined {
    return this.connection?.lostBecause === undefined ? this.connection : undefined
  }

  private get over(): Effect.Effect<never, ConnectionError> {
    return Effect.fail(new ConnectionLost({ message: "this broker is not the writer any more", sent: false }))
  }

  private get open(): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      if (this.ended) return yield* this.over
      // Somebody else who wanted it has opened it meanwhile.
      if (this.there !== undefined) return this.there
      const connection = yield* this.beside.open(`${this.beside.applicationName} outbox`)
      return yield* this.prepared(connection).pipe(leaveOnFailure(connection))
    })
  }

  private prepared(connection: PgConnection): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      if (!(yield* this.beside.isOurs(connection)) || this.ended) return yield* this.over
      const security = connection.inSchema(SECURITY_CHANNEL)
      const erasures = connection.inSchema(ERASURES_CHANNEL)
      connection.onNotified = (channel) =>
        (channel === security ? this.security : channel === erasures ? this.erasures : this.listening).hear()
      yield* connection.prepare(Object.values(outboxStatements))
      yield* connection.query(`listen kafka_outbox; listen ${SECURITY_CHANNEL}; listen ${ERASURES_CHANNEL}`)
      const [setting] = yield* connection.query("select current_setting('max_prepared_transactions') <> '0'")
      if (this.ended) return yield* this.over
      this.prepares = setting?.[0] === "t"
      this.connection = connection
      return connection
    })
  }
}

/** The port, on the session of the reign that is in force. */
export const outboxOf = (
  withSession: <A>(use: (session: OutboxSession) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): Outbox => ({
  maxKeys: PASS_KEYS,
  tell: (limits) => withSession((session) => session.tell(limits)),
  pass: (asked) => withSession((session) => session.pass(asked)),
  keys: (asked) => withSession((session) => session.keys(asked)),
  rows: (keys) => withSession((session) => session.rows(keys)),
  settle: (forced) => withSession((session) => session.settle(forced)),
  woken: (limitMs) => withSession((session) => session.woken(limitMs)),
  rise: withSession((session) => session.rise)
})
