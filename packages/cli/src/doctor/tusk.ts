import { stepsTaken, stepsToTake } from "@tusk/storage/pg/schema/SchemaSteps"
import type { TextRows } from "@tusk/storage/pg/connection/PgConnection"
import { takeOverTexts } from "@tusk/storage/pg/sql/bundle"
import * as Effect from "effect/Effect"
import { sqlCheck } from "./Check.ts"
import type { Check } from "./Check.ts"
import { loginChecks } from "./logins.ts"
import { error, inBytes, info, inTime, some, warning } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

/** `rows` of `kafka.migrations`. */
export const judgeSchema = (rows: TextRows): ReadonlyArray<Verdict> => {
  if (rows.length === 0) return [info("there is no schema kafka yet", "Tusk makes it when it starts")]
  const steps = stepsToTake(rows)
  if ("_tag" in steps) {
    return [error(steps.message, "this Tusk does not start on it", "run the Tusk that made it, or a newer one")]
  }
  if (steps.length === 0) return []
  const why = "Tusk takes them when it starts; an older Tusk does not run on it any more then"
  return [
    info(
      `the schema lacks ${steps.length} steps of this Tusk: ${some(steps)}`,
      why,
      "a backup before it, for a way back"
    )
  ]
}

/** What this role may do. */
export interface RightsFacts {
  readonly role: string
  readonly database: string
  readonly superuser: boolean
  readonly installed: boolean
  readonly creates: boolean
  readonly usage: boolean
  readonly owns: boolean
  readonly owner: string | null
  /** Tables that it may not read and write. */
  readonly lacking: ReadonlyArray<string>
  readonly sees_sessions: boolean
}

const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const judgeRights = ([facts]: ReadonlyArray<RightsFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const { creates, database, installed, lacking, owner, owns, role, sees_sessions, superuser, usage } = facts
  const to = ident(role)
  const found: Array<Verdict> = []
  if (superuser) {
    const why = "Tusk needs no more than a schema of its own; whoever gets at it has the whole server"
    found.push(info(`${role} is a superuser`, why, "create role tusk login; grant create on database … to tusk"))
  }
  if (!installed && !creates) {
    const seen = `${role} may not make the schema kafka in ${database}`
    found.push(error(seen, "Tusk does not start", `grant create on database ${ident(database)} to ${to}`))
  }
  if (installed && !usage) {
    found.push(
      error(`${role} may not use the schema kafka`, "Tusk does not start", `grant usage on schema kafka to ${to}`)
    )
  }
  if (installed && lacking.length > 0) {
    const seen = `${role} may not read and write ${some(lacking)}`
    const grant = `grant select, insert, update, delete on all tables in schema kafka to ${to}`
    found.push(error(seen, "Tusk does not start, or fails at its first commit of that kind", grant))
  }
  if (installed && !owns && lacking.length === 0) {
    const why = "Tusk runs; a newer one cannot bring the schema up to date as this role"
    found.push(
      info(`the schema kafka belongs to ${owner ?? "another role"}`, why, "start a newer Tusk once as the owner")
    )
  }
  if (!sees_sessions) {
    const why = "the broker cannot tell whether another one that holds the lock stands still"
    found.push(info(`${role} does not see sessions of other roles`, why, `grant pg_read_all_stats to ${to}`))
  }
  return found
}

const RIGHTS = `
  select current_user as role, current_database() as database, r.rolsuper as superuser, n.oid is not null as installed,
    has_database_privilege(current_database(), 'CREATE') as creates,
    coalesce(has_schema_privilege(n.oid, 'USAGE'), false) as usage, coalesce(pg_has_role(n.nspowner, 'USAGE'), false) as owns,
    pg_get_userbyid(n.nspowner) as owner, pg_has_role('pg_read_all_stats', 'USAGE') as sees_sessions,
    array(select c.relname from pg_class c where c.relnamespace = n.oid and c.relkind = 'r' and not
      (has_table_privilege(c.oid, 'SELECT') and has_table_privilege(c.oid, 'INSERT') and has_table_privilege(c.oid, 'UPDATE')
        and has_table_privilege(c.oid, 'DELETE')) order by c.relname) as lacking
  from pg_roles r left join pg_namespace n on n.nspname = 'kafka' where r.rolname = current_user`

/** What `kafka.produce` has left for the broker. */
export interface OutboxFacts {
  readonly records: number
  /** Seconds since the oldest. */
  readonly seconds: number | null
  readonly bytes: number
  readonly refused: number
}

const LATE = 60

export const judgeOutbox = ([facts]: ReadonlyArray<OutboxFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const found: Array<Verdict> = []
  const { bytes, records, refused, seconds } = facts
  if (seconds !== null && seconds > LATE) {
    const seen = `${records} records of kafka.produce wait, ${inBytes(bytes)}, the oldest since ${inTime(seconds)}`
    const why = "no broker takes them, or their partitions take none; consumers wait for them"
    found.push(warning(seen, why, "start Tusk, or look at its log, area outbox"))
  }
  if (refused > 0) {
    const why = "they are in no topic, and nobody appends them any more"
    found.push(warning(`${refused} records of kafka.produce were refused`, why, "select * from kafka.outbox_refused"))
  }
  return found
}

const OUTBOX = `select records, extract(epoch from clock_timestamp() - since)::float8 as seconds, bytes::float8 as bytes, refused
  from kafka.outbox_lag`

/** What retention has left: partitions with batches that no client can read. */
export interface RetentionFacts {
  readonly deleted: number
  readonly behind: number
}

const MANY = 100

export const judgeRetention = ([facts]: ReadonlyArray<RetentionFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const { behind, deleted } = facts
  if (behind + deleted === 0) return []
  const seen = `batches of ${deleted} deleted partitions, and below the log start of ${behind} others, are still there`
  const why = "the broker deletes them step by step; many that stay are disk space that does not come back"
  return [
    (behind + deleted > MANY ? warning : info)(seen, why, "look at Tusk's log, area log, if it does not become less")
  ]
}

const RETENTION = `
  select count(*) filter (where topic_id is null) as deleted, count(*) filter (where topic_id is not null) as behind
  from kafka.partitions p where exists (
    select from kafka.batches b where b.partition_id = p.partition_id and (p.topic_id is null or b.last_offset < p.log_start_offset)
      and b.base_offset = (select min(f.base_offset) from kafka.batches f where f.partition_id = p.partition_id))`

/** A partition with which a table of `kafka.materialise` does not go on, or records that it has left out. */
export interface MaterialisedFacts {
  readonly table: string
  /** Seconds; null: it goes on. */
  readonly seconds: number | null
  readonly error: string | null
  readonly skipped: number
}

export const judgeMaterialised = (facts: ReadonlyArray<MaterialisedFacts>): ReadonlyArray<Verdict> =>
  facts.flatMap(({ error, seconds, skipped, table }) => {
    const found: Array<Verdict> = []
    if (seconds !== null && seconds > LATE) {
      const seen = `the table ${table} stands since ${inTime(seconds)}: ${error ?? "unknown"}`
      const why = "it is behind its topic until that is mended; nothing else waits for it"
      found.push(warning(seen, why, "select * from kafka.materialised"))
    }
    if (skipped > 0) {
      const why = "they did not fit, and on_error is skip"
      found.push(info(`the table ${table} has left out ${skipped} records`, why, "select * from kafka.materialised"))
    }
    return found
  })

const MATERIALISED = `
  select "table", extract(epoch from clock_timestamp() - min(stands_since))::float8 as seconds, min(error) as error,
    sum(skipped)::float8 as skipped
  from kafka.materialised where stands_since is not null or skipped > 0 group by 1 order by 1 limit 20`

export const judgePublications = (rows: TextRows): ReadonlyArray<Verdict> =>
  rows.length === 0
    ? []
    : [
        warning(
          `publication ${some(rows.map(([name]) => String(name)))} holds kafka.batches`,
          "what captures Tusk's own log and produces it here feeds itself",
          "set schema.exclude.list=kafka in Debezium, or publish without schema kafka"
        )
      ]

export const tuskChecks: ReadonlyArray<Check> = [
  {
    name: "schema",
    look: (patient) => Effect.map(Effect.flatMap(patient.connection, stepsTaken), judgeSchema)
  },
  sqlCheck("rights", RIGHTS, judgeRights)
]

/** Those that need the schema to be there. */
export const installedChecks: ReadonlyArray<Check> = [
  sqlCheck("outbox", OUTBOX, judgeOutbox),
  sqlCheck("retention", RETENTION, judgeRetention),
  sqlCheck("materialised", MATERIALISED, judgeMaterialised),
  ...loginChecks,
  {
    name: "publications",
    look: (patient) =>
      Effect.flatMap(patient.connection, (connection) =>
        Effect.map(connection.query(takeOverTexts.LoadPublications), judgePublications)
      )
  }
]
