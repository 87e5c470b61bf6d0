import { CLUSTER_LOCK } from "@tusk/storage/pg/schema/SchemaVersion"
import { sqlCheck } from "./Check.ts"
import type { Check } from "./Check.ts"
import { error, inBytes, info, inTime, warning } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

/** A session that keeps a snapshot, or sits in a transaction; null: this role may not see it. */
export interface SnapshotFacts {
  readonly pid: number
  readonly role: string | null
  readonly application: string | null
  readonly state: string | null
  /** Seconds its transaction is open. */
  readonly seconds: number | null
  /** Transactions since its snapshot. */
  readonly xids: number | null
  readonly hidden: boolean
}

const OPEN_LONG = 300
const OPEN_TOO_LONG = 3600

const HORIZON = "no row that was deleted since can be removed: tables grow, reads and commits become slower"

export const judgeSnapshots = (rows: ReadonlyArray<SnapshotFacts>, longSeconds = OPEN_LONG): ReadonlyArray<Verdict> => {
  const found = rows.flatMap(({ application, hidden, pid, role, seconds, state, xids }): ReadonlyArray<Verdict> => {
    if (hidden || seconds === null || seconds < longSeconds) return []
    const who = `${application === null || application === "" ? "a session" : application} of ${role ?? "unknown"}, process ${pid}`
    const seen = `${who} is in a transaction since ${inTime(seconds)} (${state ?? "unknown"}${xids === null ? "" : `, ${xids} transactions ago`})`
    const remedy = `select pg_terminate_backend(${pid}); idle_in_transaction_session_timeout ends such ones by itself`
    return [(seconds < OPEN_TOO_LONG ? warning : error)(seen, HORIZON, remedy)]
  })
  const hidden = rows.filter((row) => row.hidden).length
  if (hidden === 0) return found
  const why = "old snapshots of theirs cannot be seen"
  return [
    ...found,
    info(
      `could not look: this role may not see ${hidden} sessions of others`,
      why,
      "grant pg_read_all_stats to this role"
    )
  ]
}

/** To a role that may not see another one's session, nearly all of it is null. */
const snapshotsOf = (longSeconds: number): string => `
  select pid, usename as role, application_name as application, state,
    extract(epoch from clock_timestamp() - xact_start)::float8 as seconds, age(backend_xmin) as xids, backend_type is null as hidden
  from pg_stat_activity where pid <> pg_backend_pid() and (backend_type is null
    or backend_type = 'client backend' and xact_start < clock_timestamp() - interval '${longSeconds} s')
  order by seconds desc nulls last limit 100`

/** A transaction that was prepared and not ended. */
export interface PreparedFacts {
  readonly gid: string
  readonly owner: string
  readonly database: string
  readonly seconds: number
}

export const judgePrepared = (rows: ReadonlyArray<PreparedFacts>): ReadonlyArray<Verdict> =>
  rows.flatMap(({ database, gid, owner, seconds }) =>
    seconds < OPEN_LONG
      ? []
      : [
          (seconds < OPEN_TOO_LONG ? warning : error)(
            `transaction ${JSON.stringify(gid)} of ${owner} in ${database} is prepared since ${inTime(seconds)}`,
            HORIZON,
            `rollback prepared '${gid.replaceAll("'", "''")}' (or commit prepared), in database ${database}`
          )
        ]
  )

const PREPARED = `select gid, owner, database, extract(epoch from clock_timestamp() - prepared)::float8 as seconds
  from pg_prepared_xacts order by prepared limit 20`

/** A replication slot. */
export interface SlotFacts {
  readonly name: string
  readonly active: boolean
  readonly status: string | null
  /** Bytes of WAL kept for it. */
  readonly bytes: number | null
  /** Transactions since the snapshot that it keeps. */
  readonly xids: number | null
  readonly keep: string
}

const MUCH_WAL = 1024 ** 3
const TOO_MUCH_WAL = 16 * MUCH_WAL
const OLD_XIDS = 10_000_000

export const judgeSlots = (rows: ReadonlyArray<SlotFacts>): ReadonlyArray<Verdict> =>
  rows.flatMap(({ active, bytes, keep, name, status, xids }) => {
    const found: Array<Verdict> = []
    const drop = `select pg_drop_replication_slot('${name.replaceAll("'", "''")}'), if nobody comes back for it`
    const held = bytes ?? 0
    const what = `replication slot ${name}${active ? "" : ", which nobody reads,"}`
    if (status === "lost") {
      found.push(warning(`${what} has lost its WAL`, "whoever reads it has to begin anew", drop))
    } else if (held > MUCH_WAL) {
      const why = `WAL that is kept fills the disk${keep === "-1" ? ", without a limit" : ""}; a full disk stops Postgres`
      const judge = !active && held > TOO_MUCH_WAL ? error : warning
      found.push(judge(`${what} keeps ${inBytes(held)} of WAL`, why, `${drop}; max_slot_wal_keep_size sets a limit`))
    } else if (!active) {
      found.push(info(`nobody reads replication slot ${name}`, "it keeps all WAL from now on", drop))
    }
    if ((xids ?? 0) > OLD_XIDS) found.push(warning(`${what} keeps a snapshot ${xids} transactions old`, HORIZON, drop))
    return found
  })

const SLOTS = `select slot_name as name, active, wal_status as status, greatest(age(xmin), age(catalog_xmin)) as xids,
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 as bytes, current_setting('max_slot_wal_keep_size') as keep
  from pg_replication_slots order by bytes desc nulls last limit 50`

/** Who holds the cluster's lock. */
export interface HolderFacts {
  readonly pid: number
  readonly application: string | null
  readonly role: string | null
  readonly host: string | null
  readonly since: string | null
}

export const judgeHolder = ([holder]: ReadonlyArray<HolderFacts>): ReadonlyArray<Verdict> => {
  if (holder === undefined) return [info("nobody holds the cluster's lock", "no Tusk serves this database now")]
  const { application, host, pid, role, since } = holder
  const who = `${application === null || application === "" ? "a session" : application} of ${role ?? "unknown"}`
  const seen = `${who} on ${host ?? "this machine"} serves, Postgres process ${pid}, since ${since ?? "unknown"}`
  return [info(seen, "the one broker that writes")]
}

const [CLASS, OBJECT] = CLUSTER_LOCK

const HOLDER = `select l.pid, a.application_name as application, a.usename as role, host(a.client_addr) as host,
    to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') as since
  from pg_locks l left join pg_stat_activity a on a.pid = l.pid
  where locktype = 'advisory' and classid = ${CLASS} and objid = ${OBJECT} and objsubid = 2 and granted
    and l.database = (select oid from pg_database where datname = current_database())`

/** Transactions that are open for longer than so many seconds. */
export const snapshotCheck = (longSeconds = OPEN_LONG): Check =>
  sqlCheck<SnapshotFacts>("snapshots", snapshotsOf(longSeconds), (rows) => judgeSnapshots(rows, longSeconds))

export const sessionChecks: ReadonlyArray<Check> = [
  snapshotCheck(),
  sqlCheck("prepared", PREPARED, judgePrepared),
  sqlCheck("slots", SLOTS, judgeSlots),
  sqlCheck("lock", HOLDER, judgeHolder)
]
