import * as Effect from "effect/Effect"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"

/** How soon, and how often, it is looked whether another session's lock is waited for. */
const LOOK_MS = 500

const blockersOf = (processId: string) => `select a.pid, a.application_name, a.usename,
    coalesce(host(a.client_addr), 'this machine'), to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ'), a.state
  from unnest(pg_blocking_pids(${processId})) b (pid) join pg_stat_activity a on a.pid = b.pid order by a.xact_start limit 1`

const describe = ([pid, application, user, client, since, state]: ReadonlyArray<string | null>): string => {
  const name = application === null || application === "" ? "a session" : application
  const begun = since === null || since === undefined ? "" : `, in a transaction since ${since}`
  const idle = state === "idle in transaction" ? " (idle)" : ""
  return `${name} of user ${user ?? "unknown"} on ${client}, Postgres process ${pid}${begun}${idle}`
}

/** Says, once for each, which session holds the lock that `work` waits for on its connection. */
export const tellingWhoBlocks = <A, E>(
  connection: PgConnection,
  beside: Effect.Effect<PgConnection, ConnectionError>,
  told: (blocker: string) => void,
  work: Effect.Effect<A, E>
): Effect.Effect<A, E | ConnectionError> =>
  Effect.gen(function* () {
    const [own] = yield* connection.query("select pg_backend_pid()")
    const watch = Effect.gen(function* () {
      yield* Effect.sleep(LOOK_MS)
      const looker = yield* Effect.acquireRelease(beside, (session) => Effect.sync(() => session.leave()))
      let last: string | undefined
      while (true) {
        const [row] = yield* looker.query(blockersOf(own![0]!))
        const blocker = row === undefined ? undefined : describe(row)
        if (blocker !== undefined && blocker !== last) {
          told(blocker)
          yield* Effect.logWarning(`the schema's installer waits for a lock of ${blocker}`)
        }
        last = blocker
        yield* Effect.sleep(LOOK_MS)
      }
    }).pipe(
      Effect.scoped,
      // Without a look it waits all the same, and says less.
      Effect.catch((error) => Effect.logDebug(`nobody sees whom the installer waits for: ${error.message}`)),
      Effect.andThen(Effect.never)
    )
    return yield* Effect.raceFirst(work, watch)
  })
