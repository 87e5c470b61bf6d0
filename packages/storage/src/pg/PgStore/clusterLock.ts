import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { LockHeld, StoreUnavailable } from "../../StoreError.ts"
import type { Connection } from "../connection/Connection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { CLUSTER_LOCK } from "../SchemaVersion.ts"

/** A session of ours, as Postgres knows it: process ids are used again, so the start belongs to it. */
export interface Session {
  readonly processId: number
  readonly startedAt: string
}

/** How often a lock that somebody holds is tried. */
const RETRY_MS = 25
/** How long our own old session may go on before it is ended. */
const OWN_GRACE_MS = 200
/** How long an ended session may take to go: it rolls back, and answers no signal while its disk does not answer. */
const OWN_LIMIT_MS = 20_000

const [CLASS, OBJECT] = CLUSTER_LOCK
const HELD = `locktype = 'advisory' and classid = ${CLASS} and objid = ${OBJECT} and objsubid = 2 and granted
  and database = (select oid from pg_database where datname = current_database())`

/** Also the guard that asks the session whether it holds the lock: one row with its own process id if so. */
export const whoHolds = `select l.pid, a.backend_start, a.application_name,
    coalesce(host(a.client_addr), 'this machine') as client, a.usename, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
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

/** Takes the cluster's lock on `connection`. `previous`: a session of this same broker, which may be ended. */
export const takeClusterLock = (
  connection: Connection,
  previous: Session | undefined,
  waitMs: number
): Effect.Effect<void, ConnectionError | LockHeld | StoreUnavailable> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const nowMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const start = nowMs()
    let ended = false
    while (true) {
      const [taken] = yield* connection.query(`select pg_try_advisory_lock(${CLASS}, ${OBJECT})`)
      if (taken?.[0] === "t") return
      const [holder] = yield* connection.query(whoHolds)
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
      } else if (holder !== undefined && waited >= waitMs) {
        // Until then it may be the last statement of a broker that was just killed.
        return yield* new LockHeld({ holder: describe(holder) })
      }
      yield* Effect.sleep(RETRY_MS)
    }
  })

const isSession = (holder: ReadonlyArray<string | null>, session: Session): boolean =>
  Number(holder[0]) === session.processId && holder[1] === session.startedAt

/** The session behind `connection`. */
export const identify = (connection: Connection): Effect.Effect<Session, ConnectionError> =>
  Effect.map(
    connection.query(
      `select pg_backend_pid(), (select backend_start from pg_stat_activity where pid = pg_backend_pid())`
    ),
    (rows) => ({ processId: Number(rows[0]?.[0]), startedAt: rows[0]?.[1] ?? "" })
  )

/**
 * Session locks mean nothing behind a pooler that gives each transaction another session. Where the server's own number
 * is not the one the connection was told, there is a pooler; a transaction held open beside shows of which kind.
 */
export const refusePooler = (
  connection: Connection,
  session: Session,
  beside: Effect.Effect<Connection, ConnectionError>
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
