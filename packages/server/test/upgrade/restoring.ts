import { MIGRATIONS, stepOf } from "../../../storage/src/pg/schema/SchemaVersion.ts"
import { migrations } from "../../../storage/src/pg/sql/bundle.ts"
import type { Facts } from "./Facts.ts"

const stepText = (step: string): string => migrations[step as keyof typeof migrations]

/**
 * SQL that makes a database as an earlier Tusk left it: the steps that its schema had taken, and its data; then further
 * steps up to one. Tables are emptied of what steps insert, and triggers stay quiet, as in a restored dump.
 */
export const restoring = ({ steps }: Pick<Facts, "steps">, data: string, upTo?: string): string => {
  const further =
    upTo === undefined ? [] : MIGRATIONS.filter((name) => !steps.includes(name) && name.slice(0, 4) <= upTo)
  return [
    "create schema kafka",
    "create table kafka.migrations (migration_id integer primary key, created_at timestamptz not null default now(), name text not null)",
    ...steps.map(stepText),
    "set session_replication_role = replica",
    "delete from kafka.cluster",
    ...(steps.includes("0013_outbox") ? ["delete from kafka.sql_settings"] : []),
    data,
    "set session_replication_role = origin",
    ...further.flatMap((step) => {
      const { id, name } = stepOf(step)
      return [stepText(step), `insert into kafka.migrations (migration_id, name) values (${id}, '${name}')`]
    })
  ].join(";\n")
}
