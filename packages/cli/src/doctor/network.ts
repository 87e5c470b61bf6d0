import { PgConnection } from "@tusk/storage/pg/connection/PgConnection"
import type { ConnectionError } from "@tusk/storage/pg/connection/ConnectionError"
import { EMIT } from "@tusk/storage/pg/PgStore/confirmed"
import { identify, refusePooler } from "@tusk/storage/pg/PgStore/clusterLock"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { APPLICATION, sqlCheck } from "./Check.ts"
import type { Check } from "./Check.ts"
import { error, info, inTime, some, warning } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

const pooler: Check = {
  name: "pooler",
  look: (patient) =>
    Effect.gen(function* () {
      const connection = yield* patient.connection
      const session = yield* identify(connection)
      yield* refusePooler(connection, session, PgConnection.open(patient.target, connection.endpoint, APPLICATION))
      if (connection.processId === session.processId) return []
      const why = "one more thing that has to run; each of Tusk's sessions keeps one of the server's"
      return [info("a pooler in session mode stands between", why)]
    }).pipe(
      Effect.catchTag("StoreUnavailable", () =>
        Effect.succeed([
          error(
            "a pooler in transaction mode stands between",
            "the cluster's lock needs a session of its own: Tusk does not start",
            "give Tusk the address of Postgres itself, or of a pooler in session mode"
          )
        ])
      )
    )
}

/** A rule of pg_hba.conf for connections over TCP that asks for no proof, or one that cannot be read. */
export interface HbaFacts {
  readonly line: number
  readonly type: string
  readonly address: string | null
  readonly method: string | null
  readonly error: string | null
}

const LOOPBACK = new Set(["127.0.0.1", "::1", "samehost"])

export const judgeHba = (rows: ReadonlyArray<HbaFacts>): ReadonlyArray<Verdict> => {
  const found: Array<Verdict> = []
  const broken = rows.filter((rule) => rule.error !== null).map(({ error: why, line }) => `line ${line}: ${why}`)
  if (broken.length > 0) {
    const why = "Postgres keeps the rules it had, and does not start with these"
    found.push(warning(`pg_hba.conf cannot be read: ${some(broken, 3)}`, why, "put the lines right"))
  }
  const trusting = rows.filter(({ method }) => method === "trust")
  const isLocal = ({ address }: HbaFacts) => LOOPBACK.has(address ?? "")
  const linesOf = (rules: ReadonlyArray<HbaFacts>) => some(rules.map(({ line }) => `line ${line}`))
  const remedy = "write scram-sha-256 in its place; select pg_reload_conf()"
  const local = trusting.filter(isLocal)
  if (local.length > 0) {
    const why = "whoever has an account on that machine is any role without a password"
    found.push(warning(`pg_hba.conf trusts TCP connections of its own machine (${linesOf(local)})`, why, remedy))
  }
  const others = trusting.filter((rule) => !isLocal(rule))
  if (others.length > 0) {
    const why = "whoever reaches the port is any role without a password, a superuser too"
    const from = some(Array.from(new Set(others.map(({ address }) => address ?? "anywhere"))))
    found.push(error(`pg_hba.conf trusts TCP connections from ${from} (${linesOf(others)})`, why, remedy))
  }
  return found
}

const HBA = `select line_number as line, type, address, auth_method as method, error from pg_hba_file_rules
  where error is not null or type like 'host%' and auth_method = 'trust' order by line_number limit 50`

const TRIES = 9

/** Milliseconds that each of some tries takes, in order of length. */
const timed = (what: Effect.Effect<unknown, ConnectionError>): Effect.Effect<ReadonlyArray<number>, ConnectionError> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const took: Array<number> = []
    for (let i = 0; i < TRIES; i++) {
      const from = clock.monotonicTimeNanosUnsafe()
      yield* what
      took.push(Number(clock.monotonicTimeNanosUnsafe() - from) / 1e6)
    }
    return took.sort((a, b) => a - b)
  })

const median = (sorted: ReadonlyArray<number>): number => sorted[Math.floor(sorted.length / 2)] ?? 0
const inMs = (ms: number): string => `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`

const SLOW_TRIP_MS = 5
const SLOW_COMMIT_MS = 50

export const judgeTrip = (sorted: ReadonlyArray<number>): ReadonlyArray<Verdict> => {
  const ms = median(sorted)
  const seen = `a round trip to Postgres takes ${inMs(ms)}`
  if (ms <= SLOW_TRIP_MS) return [info(seen, "each acknowledgement waits for one")]
  return [warning(seen, "each acknowledgement waits for one", "run Tusk next to its primary")]
}

export const judgeCommit = (sorted: ReadonlyArray<number>): ReadonlyArray<Verdict> => {
  const ms = median(sorted)
  const worst = sorted.at(-1) ?? 0
  const seen = `a commit takes ${inMs(ms)}, the slowest of ${sorted.length} ${inMs(worst)}`
  if (ms <= SLOW_COMMIT_MS) return [info(seen, "no record is acknowledged sooner")]
  const remedy = "a disk with a battery or capacitors behind its cache; a synchronous standby that is nearer"
  return [warning(seen, "no record is acknowledged sooner", remedy)]
}

const trip: Check = {
  name: "round-trip",
  look: (patient) => Effect.flatMap(patient.connection, (it) => Effect.map(timed(it.query("select 1")), judgeTrip))
}

/** It leaves no row, and the disk has to take it. */
const commit: Check = {
  name: "commit",
  look: (patient) => Effect.flatMap(patient.connection, (it) => Effect.map(timed(it.queryStoring(EMIT)), judgeCommit))
}

/** The server's time against this host's, seconds, and what a round trip may account for. */
export interface ClockFacts {
  readonly ahead: number
  readonly uncertain: number
}

export const judgeClock = ({ ahead, uncertain }: ClockFacts): ReadonlyArray<Verdict> => {
  const apart = Math.abs(ahead) - uncertain
  if (apart < 1) return []
  const seen = `the clock of Postgres is ${inTime(Math.abs(ahead))} ${ahead > 0 ? "ahead of" : "behind"} this host's`
  const why = "timestamps of records and retention go by Tusk's clock, kafka.produce and created_at by that of Postgres"
  return [(apart > 60 ? error : warning)(seen, why, "chrony or ntpd on both hosts")]
}

const clock: Check = {
  name: "clock",
  look: (patient) =>
    Effect.gen(function* () {
      const connection = yield* patient.connection
      const from = yield* Clock.currentTimeMillis
      const [row] = yield* connection.query("select extract(epoch from clock_timestamp())")
      const to = yield* Clock.currentTimeMillis
      return judgeClock({ ahead: Number(row?.[0]) - (from + to) / 2000, uncertain: (to - from) / 2000 })
    })
}

export const judgeTls = (encrypted: boolean, host: string, path: string | undefined): ReadonlyArray<Verdict> => {
  if (encrypted || path !== undefined || host === "localhost" || host === "::1" || host.startsWith("127.")) return []
  const why = "whoever sits on the way reads and changes records"
  return [warning(`the connection to ${host} is not encrypted`, why, "sslmode=verify-full in the URL")]
}

const tls: Check = {
  name: "tls",
  look: (patient) =>
    Effect.map(patient.connection, ({ encrypted, endpoint }) => judgeTls(encrypted, endpoint.host, endpoint.path))
}

export const networkChecks: ReadonlyArray<Check> = [pooler, sqlCheck("hba", HBA, judgeHba), trip, commit, clock, tls]
