import { sqlCheck } from "./Check.ts"
import type { Check } from "./Check.ts"
import { error, inBytes, info, inTime, some, warning } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

/** Autovacuum of the server. */
export interface AutovacuumFacts {
  readonly autovacuum: string
  readonly track_counts: string
  /** Seconds. */
  readonly naptime: number
  readonly workers: number
}

const BLOAT = "dead rows of commits, offsets and retention stay: tables grow, and commits become slower"

export const judgeAutovacuum = ([facts]: ReadonlyArray<AutovacuumFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const found: Array<Verdict> = []
  for (const name of ["autovacuum", "track_counts"] as const) {
    if (facts[name] !== "off") continue
    found.push(error(`${name} is off`, BLOAT, `alter system set ${name} = on; select pg_reload_conf()`))
  }
  if (facts.naptime > 300) {
    const remedy = "alter system set autovacuum_naptime = '1min'; select pg_reload_conf()"
    found.push(warning(`autovacuum_naptime is ${inTime(facts.naptime)}`, BLOAT, remedy))
  }
  return found
}

const AUTOVACUUM = `select current_setting('autovacuum') as autovacuum, current_setting('track_counts') as track_counts,
    (select setting::int from pg_settings where name = 'autovacuum_naptime') as naptime,
    current_setting('autovacuum_max_workers')::int as workers`

/** A table of schema kafka, its TOAST table with it. */
export interface TableFacts {
  readonly name: string
  readonly vacuumed: boolean
  readonly logged: boolean
  readonly tablespace: string | null
  readonly row_security: boolean
  readonly triggers: ReadonlyArray<string>
  readonly live: number
  readonly dead: number
  readonly bytes: number
  /** Seconds; null: never. */
  readonly vacuumed_ago: number | null
}

const MANY_DEAD = 100_000
const LARGE = 1024 ** 3

const judgeTable = (table: TableFacts): ReadonlyArray<Verdict> => {
  const { bytes, dead, live, logged, name, row_security, tablespace, triggers, vacuumed, vacuumed_ago } = table
  const found: Array<Verdict> = []
  const reset = `alter table ${name} reset (autovacuum_enabled, toast.autovacuum_enabled)`
  if (!vacuumed) found.push(error(`autovacuum is off for ${name}`, BLOAT, reset))
  if (!logged) {
    const why = "Postgres empties it after a crash, and standbys do not have it"
    found.push(error(`${name} is unlogged`, why, `alter table ${name} set logged`))
  }
  if (row_security) {
    const why = "a role that does not own it may see no rows, and Tusk believes there are none"
    found.push(error(`${name} has row level security`, why, `alter table ${name} disable row level security`))
  }
  if (triggers.length > 0) {
    const why = "they run within each commit, and may refuse or change it"
    found.push(warning(`${name} has triggers that are not Tusk's: ${some(triggers)}`, why, `drop trigger … on ${name}`))
  }
  if (tablespace !== null) {
    const why = "a backup, a standby and the disk's free space have to reckon with it"
    found.push(info(`${name} is in tablespace ${tablespace}`, why))
  }
  if (dead > MANY_DEAD && dead > live) {
    const ago = vacuumed_ago === null ? "never vacuumed" : `vacuumed ${inTime(vacuumed_ago)} ago`
    const seen = `${name} has ${dead} dead rows beside ${live} live ones, ${inBytes(bytes)}, ${ago}`
    found.push(
      warning(seen, BLOAT, `vacuum ${name}; if that does not help, an old snapshot keeps them (check snapshots)`)
    )
  }
  return found
}

export const judgeTables = (rows: ReadonlyArray<TableFacts>): ReadonlyArray<Verdict> => {
  const large = rows.filter(({ bytes }) => bytes > LARGE).map(({ bytes, name }) => `${name} ${inBytes(bytes)}`)
  const sizes = large.length === 0 ? [] : [info(`large tables: ${some(large)}`, "retention bounds them")]
  return [...rows.flatMap(judgeTable), ...sizes]
}

const OFF = "(select 1 from unnest(coalesce(REL.reloptions, '{}')) o where o ~ '^autovacuum_enabled=(off|false|no|0)$')"

const TABLES = `
  select 'kafka.' || quote_ident(c.relname) as name,
    not exists ${OFF.replace("REL", "c")} and not exists ${OFF.replace("REL", "t")} as vacuumed,
    c.relpersistence = 'p' as logged, s.spcname as tablespace, c.relrowsecurity as row_security,
    array(select g.tgname from pg_trigger g join pg_proc p on p.oid = g.tgfoid
      where g.tgrelid = c.oid and not g.tgisinternal and p.pronamespace <> n.oid) as triggers,
    coalesce(u.n_live_tup, 0) as live, coalesce(u.n_dead_tup, 0) + coalesce(pg_stat_get_dead_tuples(t.oid), 0) as dead,
    pg_total_relation_size(c.oid) as bytes,
    extract(epoch from clock_timestamp() - greatest(u.last_vacuum, u.last_autovacuum))::float8 as vacuumed_ago
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_class t on t.oid = c.reltoastrelid
    left join pg_tablespace s on s.oid = c.reltablespace left join pg_stat_all_tables u on u.relid = c.oid
  where n.nspname = 'kafka' and c.relkind = 'r' order by c.relname`

/** How far transaction ids have come since old rows were frozen. */
export interface FreezeFacts {
  readonly xids: number
  readonly multixacts: number
  readonly max: number
}

const CLOSE = 1_500_000_000

export const judgeFreeze = ([facts]: ReadonlyArray<FreezeFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const kinds = [
    ["transactions", facts.xids],
    ["multixacts", facts.multixacts]
  ] as const
  return kinds.flatMap(([what, age]) => {
    if (age < 2 * facts.max) return []
    const seen = `the oldest rows of this database are ${age} ${what} old`
    const why = "at 2 billion Postgres takes no writes any more; freezing is behind, or an old snapshot keeps it"
    return [
      (age > CLOSE ? error : warning)(
        seen,
        why,
        "vacuum (freeze) as a superuser; look at snapshots, prepared and slots"
      )
    ]
  })
}

const FREEZE = `select age(datfrozenxid) as xids, mxid_age(datminmxid) as multixacts,
    current_setting('autovacuum_freeze_max_age')::int as max
  from pg_database where datname = current_database()`

export const tableChecks: ReadonlyArray<Check> = [
  sqlCheck("autovacuum", AUTOVACUUM, judgeAutovacuum),
  sqlCheck("tables", TABLES, judgeTables),
  sqlCheck("freeze", FREEZE, judgeFreeze)
]
