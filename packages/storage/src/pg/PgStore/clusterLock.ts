import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { LockHeld, StoreUnavailable } from "../../port/StoreError.ts"
import type { PgConnection, TextRows } from "../connection/PgConnection.ts"
import { ConnectionLost } from "../connection/ConnectionError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { CLUSTER_LOCK } from "../schema/SchemaVersion.ts"

/** A session of ours, as Postgres knows it: process ids are used again, so the start belongs to it. */
export interface Session {
  readonly processId: number
  /** Seconds since 1970: a number is the same in whatever time zone a session has. */
  readonly startedAt: string
}

/** How often a lock that is held is tried: at first, and when it has been held for a while. */
export const RETRY_MS = 25
const LATER_RETRY_MS = 200
const EARLY_MS = 2000
/** How long our own old session may go on before it is ended. */
export const OWN_GRACE_MS = 200
/** How long an ended session may take to go: it rolls back, and answers no signal while its disk does not answer. */
export const OWN_LIMIT_MS = 20_000
/** How long a server may take to say which session holds the lock. */
const ANSWER_MS = 5000
/** The lock's session, and one in a transaction, may wait for its client for so long. */
export const IDLE_LIMIT_MS = 6000
/** Between the two looks at a holder that end it. */
const SECOND_LOOK_MS = 500

/**
 * The statements below are made of keys, names and process ids, and sent as simple queries, which take no parameters: they
 * stand here and not in a file of `sql/`.
 */
const [CLASS, OBJECT] = CLUSTER_LOCK
export const heldLock = ([classId, objectId]: readonly [number, number]): string =>
  `locktype = 'advisory' and classid = ${classId} and objid = ${objectId} and objsubid = 2 and granted
  and database = (select oid from pg_database where datname = current_database())`
const HELD = heldLock(CLUSTER_LOCK)

/** The end of the name of the session that looks after the one that holds the lock: it says after which. */
const WATCH = " watch of "
/** Bytes of the longest name that Postgres keeps. */
const MAX_NAME = 63

export const watchName = (applicationName: string, { processId }: Session): string => {
  const end = `${WATCH}${processId}`
  // The server writes other characters in its own way, some of them longer.
  return applicationName.replace(/[^ -~]/g, "?").slice(0, MAX_NAME - end.length) + end
}

/** Which session holds the lock: process id and start, or no row; and whether another session of ours is there. */
export const whoHolds = (other?: Session): string =>
  `select l.pid, extract(epoch from a.backend_start), ${
    other === undefined
      ? "true"
      : `exists (select from pg_stat_activity o
        where o.pid = ${other.processId} and extract(epoch from o.backend_start) = ${other.startedAt})`
  } from pg_locks l left join pg_stat_activity a on a.pid = l.pid where ${HELD}`

/**
 * The holder for a person, and whether it stands still: its session waits for its client (within a message, a commit or
 * between them), and neither it nor its watch has done anything for the limit by the server's clock. A client on a slow
 * line keeps its watch going. The last column tells one standstill from the next.
 */
const lookAtHolder = `select l.pid, extract(epoch from a.backend_start), a.application_name,
    coalesce(host(a.client_addr), 'this machine'), a.usename, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'),
    coalesce(a.wait_event_type = 'Client' and a.state_change < clock_timestamp() - interval '${IDLE_LIMIT_MS} ms'
      and not exists (select from pg_stat_activity w
        where w.application_name like '%${WATCH}' || l.pid and w.usesysid = a.usesysid
          and w.datid = a.datid and w.state_change >= clock_timestamp() - interval '${IDLE_LIMIT_MS} ms'), false),
    a.state_change || ' ' || a.query_start
  from pg_locks l left join pg_stat_activity a on a.pid = l.pid where ${HELD}`

export const RELEASE = `select pg_advisory_unlock(${CLASS}, ${OBJECT})`

/** Names the holder for a person. What a role may not see of another role's session comes as null. */
const describe = (row: ReadonlyArray<string | null>): string => {
  const [pid, , application, client, user, since] = row
  const name = application === null || application === "" ? "a session" : application
  return `${name} of user ${user ?? "unknown"} on ${client ?? "unknown"}, Postgres process ${pid}${
    since === null || since === undefined ? "" : `, since ${since}`
  }`
}

export interface LockWait {
  /** A session of this same broker, which may be ended. */
  readonly previous: Session | undefined
  /** How long another broker's is waited for; undefined: without end. */
  readonly limitMs: number | undefined
  /** Another broker's session is waited for without end from now on. */
  readonly standsBy: () => void
}

/** Ends a holder that stands still, at the second look that finds it as it was. */
class HolderWatch {
  private seen: { readonly stamp: string; readonly sinceMs: number } | undefined

  look(
    connection: PgConnection,
    holder: ReadonlyArray<string | null>,
    nowMs: number
  ): Effect.Effect<void, ConnectionError> {
    const stamp = `${holder[0]} ${holder[1]} ${holder[7]}`
    if (holder[6] !== "t") this.seen = undefined
    else if (this.seen?.stamp !== stamp) this.seen = { stamp, sinceMs: nowMs }
    else if (nowMs - this.seen.sinceMs >= SECOND_LOOK_MS) {
      this.seen = undefined
      const message = `the broker that holds the cluster's lock stands still, its session is ended: ${describe(holder)}`
      return Effect.andThen(
        Effect.logWarning(message),
        connection.query(`select pg_terminate_backend(${holder[0]})`).pipe(
          Effect.asVoid,
          // Another role's session, which only its own or a superuser may end.
          Effect.catchTag("PgError", ({ message }) => Effect.logWarning(`it cannot be ended: ${message}`))
        )
      )
    }
    return Effect.void
  }
}

/** A short question, which a server that is there answers at once. */
export const ask = (connection: PgConnection, sql: string): Effect.Effect<TextRows, ConnectionError> =>
  Effect.timeoutOrElse(connection.query(sql), {
    duration: ANSWER_MS,
    orElse: () => {
      connection.destroy()
      return Effect.fail(new ConnectionLost({ message: `Postgres did not answer in ${ANSWER_MS} ms`, sent: true }))
    }
  })

/** Takes the cluster's lock on `connection`. */
export const takeClusterLock = (
  connection: PgConnection,
  { limitMs, previous, standsBy }: LockWait
): Effect.Effect<void, ConnectionError | LockHeld | StoreUnavailable> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const nowMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const start = nowMs()
    const holderWatch = new HolderWatch()
    let ended = false
    let standingByFor: string | undefined
    while (true) {
      const [taken] = yield* ask(connection, `select pg_try_advisory_lock(${CLASS}, ${OBJECT})`)
      if (taken?.[0] === "t") return
      const [holder] = yield* ask(connection, lookAtHolder)
      const waited = nowMs() - start
      if (holder !== undefined && previous !== undefined && isSession(holder, previous)) {
        // Whatever it was sent has happened or never will once it is gone: the lock goes last.
        if (!ended && waited >= OWN_GRACE_MS) {
          yield* connection.query(`select pg_terminate_backend(${previous.processId})`)
          ended = true
        }
        if (waited > OWN_LIMIT_MS) {
          return yield* new StoreUnavailable({ message: "this broker's old session with Postgres does not end" })
        }
      } else if (holder !== undefined) {
        yield* holderWatch.look(connection, holder, nowMs())
        if (limitMs !== undefined && waited >= limitMs) {
          // Until then it may be the last statement of a broker that was just killed.
          return yield* new LockHeld({ holder: describe(holder) })
        }
        if (limitMs === undefined && waited >= EARLY_MS && standingByFor !== holder[0]) {
          standingByFor = holder[0]!
          standsBy()
          yield* Effect.logInfo(`standing by: ${new LockHeld({ holder: describe(holder) }).message}`)
        }
      }
      yield* Effect.sleep(waited < EARLY_MS ? RETRY_MS : LATER_RETRY_MS)
    }
  })

export const isSession = (holder: ReadonlyArray<string | null>, session: Session): boolean =>
  Number(holder[0]) === session.processId && holder[1] === session.startedAt

/** The session behind `connection`. */
export const identify = (connection: PgConnection): Effect.Effect<Session, ConnectionError> =>
  Effect.map(
    connection.query(
      `select pg_backend_pid(),
        (select extract(epoch from backend_start) from pg_stat_activity where pid = pg_backend_pid())`
    ),
    (rows) => ({ processId: Number(rows[0]?.[0]), startedAt: rows[0]?.[1] ?? "" })
  )

/**
 * Session locks mean nothing behind a pooler that gives each transaction another session. If the server's own number
 * is not the one the connection was told, there is a pooler; a transaction held open beside shows of which kind.
 */
export const refusePooler = (
  connection: PgConnection,
  session: Session,
  beside: Effect.Effect<PgConnection, ConnectionError>
): Effect.Effect<void, ConnectionError | StoreUnavailable> =>
  Effect.gen(function* () {
    if (connection.processId === session.processId) return
    const other = yield* beside
    const again = yield* other
      .query("begin; select pg_backend_pid()")
      .pipe(Effect.andThen(identify(connection)), Effect.ensuring(other.close("rollback")))
    if (again.processId !== session.processId || again.startedAt !== session.startedAt) {
      return yield* new StoreUnavailable({
        message:
          "between Tusk and Postgres is a pooler in transaction mode, and Tusk's lock needs a session of its own: " +
          "give it the address of Postgres itself, or of a pooler in session mode"
      })
    }
  })
