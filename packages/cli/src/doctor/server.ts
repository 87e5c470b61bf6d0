import { sqlCheck } from "./Check.ts"
import type { Check } from "./Check.ts"
import { error, info, inTime, warning } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

/** How a server introduces itself. */
export interface ServerFacts {
  readonly version: string
  readonly number: number
  readonly standby: boolean
  readonly encoding: string
}

const OLDEST = 14
const NEWEST = 18

export const judgeServer = ([server]: ReadonlyArray<ServerFacts>): ReadonlyArray<Verdict> => {
  if (server === undefined) return []
  const found: Array<Verdict> = []
  const major = Math.floor(server.number / 10_000)
  if (major < OLDEST) {
    found.push(error(`Postgres ${server.version}`, `Tusk runs on Postgres ${OLDEST} to ${NEWEST}`, "upgrade Postgres"))
  }
  if (major > NEWEST) {
    found.push(
      warning(
        `Postgres ${server.version}`,
        `Tusk is tested with Postgres ${OLDEST} to ${NEWEST}`,
        "look for a newer Tusk"
      )
    )
  }
  if (server.standby) {
    found.push(
      error("the server is a standby", "Tusk writes: it waits for a primary", "give the address of the primary")
    )
  }
  if (server.encoding !== "UTF8" && server.encoding !== "SQL_ASCII") {
    const remedy = "create database NAME encoding 'UTF8' template template0"
    found.push(
      error(`the database is encoded in ${server.encoding}`, "Tusk refuses it: topics have names in UTF8", remedy)
    )
  }
  return found
}

/** Settings by name, as a new session of this role has them in this database. */
export interface SettingFacts {
  readonly name: string
  readonly value: string
}

const byName = (rows: ReadonlyArray<SettingFacts>): ReadonlyMap<string, string> =>
  new Map(rows.map(({ name, value }) => [name, value]))

/** Tusk's own session sets some of them: `reset_val` is what others have. */
const settings = (...names: ReadonlyArray<string>): string =>
  `select name, coalesce(reset_val, '') as value from pg_settings where name in ('${names.join("', '")}')`

export const judgeDurability = (rows: ReadonlyArray<SettingFacts>): ReadonlyArray<Verdict> => {
  const is = byName(rows)
  const found: Array<Verdict> = []
  const reload = (name: string) => `alter system set ${name} = on; select pg_reload_conf()`
  if (is.get("fsync") === "off") {
    found.push(error("fsync is off", "a crash of the machine can destroy the whole database", reload("fsync")))
  }
  if (is.get("full_page_writes") === "off") {
    const why = "a crash can tear pages, which nothing mends"
    found.push(error("full_page_writes is off", why, reload("full_page_writes")))
  }
  if (is.get("synchronous_commit") === "off") {
    const why = "Tusk's own sessions set it on; what other sessions produce in SQL can be lost in a crash"
    found.push(warning("synchronous_commit is off for this role", why, reload("synchronous_commit")))
  }
  if (is.get("synchronous_standby_names") === "") {
    const why = "what was acknowledged last is lost if this server is lost for good"
    found.push(
      info("there is no synchronous standby", why, "alter system set synchronous_standby_names = 'ANY 1 (NAME, …)'")
    )
  }
  if (is.get("data_checksums") === "off") {
    const why = "Postgres does not notice what the disk changed; Tusk's batches have checksums of their own"
    found.push(info("data checksums are off", why, "pg_checksums --enable, while the server is down"))
  }
  return found
}

/** MB. */
const LITTLE_WAL = 1024
/** Seconds. */
const SHORT_CHECKPOINTS = 120

export const judgeWal = (rows: ReadonlyArray<SettingFacts>): ReadonlyArray<Verdict> => {
  const is = byName(rows)
  const found: Array<Verdict> = []
  const maxWal = Number(is.get("max_wal_size"))
  if (maxWal < LITTLE_WAL) {
    const why = "under load a checkpoint follows the other, and each page is written to the WAL as a whole again"
    found.push(warning(`max_wal_size is ${maxWal} MB`, why, "alter system set max_wal_size = '4GB'"))
  }
  const timeout = Number(is.get("checkpoint_timeout"))
  if (timeout < SHORT_CHECKPOINTS) {
    const why = "each checkpoint makes the WAL grow by whole pages"
    found.push(info(`checkpoint_timeout is ${timeout} s`, why, "alter system set checkpoint_timeout = '5min'"))
  }
  return found
}

/** Session timeouts that Tusk sets for its own sessions, and what they do to those of others. Milliseconds. */
const TIMEOUTS: ReadonlyMap<string, string> = new Map([
  ["statement_timeout", "kafka.await, kafka.poll and large reads of views end with an error when it is over"],
  ["transaction_timeout", "a transaction that produces or consumes in SQL is ended when it is over"],
  ["lock_timeout", "a session that produces in SQL may fail while a topic is created"],
  ["idle_in_transaction_session_timeout", "a consumer in SQL that works longer on what it polled loses its session"]
])

export const judgeTimeouts = (rows: ReadonlyArray<SettingFacts>): ReadonlyArray<Verdict> => {
  const is = byName(rows)
  const found: Array<Verdict> = []
  for (const [name, why] of TIMEOUTS) {
    const value = Number(is.get(name) ?? "0")
    if (value === 0) continue
    const seen = `${name} is ${inTime(value / 1000)} for this role`
    found.push(
      info(seen, `Tusk's own sessions set it themselves; in those of others ${why}`, `alter role NAME set ${name} = 0`)
    )
  }
  if (is.get("default_transaction_read_only") === "on") {
    const why = "Tusk takes the server for one that must not be written to, and does not start"
    found.push(
      error(
        "default_transaction_read_only is on for this role",
        why,
        "alter role NAME reset default_transaction_read_only"
      )
    )
  }
  return found
}

/** Sessions there are and may be. `-1` is no limit. */
export interface ConnectionFacts {
  readonly max: number
  readonly reserved: number
  readonly used: number
  readonly role_limit: number
  readonly role_used: number
  readonly database_limit: number
  readonly database_used: number
}

/** A broker: the lock, its watch, readers, the outbox, rows for SQL, and twice of it while another takes over. */
const NEEDED = 10

export const judgeConnections = ([facts]: ReadonlyArray<ConnectionFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const limits: ReadonlyArray<readonly [left: number, what: string, remedy: string]> = [
    [
      facts.max - facts.reserved - facts.used,
      `max_connections (${facts.max})`,
      "alter system set max_connections = 200, and restart"
    ],
    [
      facts.role_limit < 0 ? Infinity : facts.role_limit - facts.role_used,
      `the role's limit (${facts.role_limit})`,
      "alter role NAME connection limit -1"
    ],
    [
      facts.database_limit < 0 ? Infinity : facts.database_limit - facts.database_used,
      `the database's limit (${facts.database_limit})`,
      "alter database NAME connection limit -1"
    ]
  ]
  return limits.flatMap(([left, what, remedy]) => {
    if (left >= NEEDED) return []
    const why = `a broker has up to ${NEEDED} sessions; one that finds none free does not serve`
    return [warning(`${Math.max(0, left)} more sessions fit into ${what}`, why, remedy)]
  })
}

const CONNECTIONS = `
  select current_setting('max_connections')::int as max, current_setting('superuser_reserved_connections')::int as reserved,
    (select count(*) from pg_stat_activity where backend_type = 'client backend' or backend_type is null) as used,
    r.rolconnlimit as role_limit, (select count(*) from pg_stat_activity where usename = current_user) as role_used,
    d.datconnlimit as database_limit, (select count(*) from pg_stat_activity where datid = d.oid) as database_used
  from pg_roles r, pg_database d where r.rolname = current_user and d.datname = current_database()`

export const serverChecks: ReadonlyArray<Check> = [
  sqlCheck(
    "server",
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
      pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding`,
    judgeServer
  ),
  sqlCheck(
    "durability",
    settings("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names", "data_checksums"),
    judgeDurability
  ),
  sqlCheck("wal", settings("max_wal_size", "checkpoint_timeout"), judgeWal),
  sqlCheck("timeouts", settings(...TIMEOUTS.keys(), "default_transaction_read_only"), judgeTimeouts),
  sqlCheck("connections", CONNECTIONS, judgeConnections)
]
