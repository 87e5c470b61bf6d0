import * as Effect from "effect/Effect"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import type { ConnectionError } from "../../src/pg/connection/ConnectionError.ts"

const RELATIONS = "c.relnamespace = 'kafka'::regnamespace"

/**
 * Each gives statements, in order; together they make the schema. Functions whose bodies were parsed at once come after
 * those that they call.
 */
const PARTS: Readonly<Record<string, string>> = {
  Types: `
    select format('create type kafka.%I as (%s)', c.relname,
      (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
    from pg_class c where ${RELATIONS} and c.relkind = 'c' order by c.relname collate "C"`,
  Tables: `
    select format(E'create table kafka.%I (\\n%s\\n)%s', c.relname,
      (select string_agg('  ' || line, E',\\n' order by place) from (
        select a.attnum as place, format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
          case when a.attcollation <> t.typcollation then ' collate ' || quote_ident(k.collname) else '' end,
          case when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end,
          case when a.attnotnull then ' not null' else '' end
            || case a.attidentity when 'a' then ' generated always as identity' else '' end) as line
        from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_collation k on k.oid = a.attcollation
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        union all
        select 1000 + row_number() over (order by o.contype desc, o.conname), format('constraint %I %s', o.conname, pg_get_constraintdef(o.oid))
        from pg_constraint o where o.conrelid = c.oid and o.contype <> 'n') lines),
      coalesce(E' with (\\n' || (select string_agg('  ' || option, E',\\n' order by toast, option) from (
        select false as toast, unnest(c.reloptions) as option
        union all select true, 'toast.' || unnest(x.reloptions) from pg_class x where x.oid = c.reltoastrelid) options) || E'\\n)', ''))
    from pg_class c where ${RELATIONS} and c.relkind = 'r' order by c.relname collate "C"`,
  Storage: `
    select format('alter table kafka.%I alter column %I set storage %s', c.relname, a.attname,
      case a.attstorage when 'e' then 'external' when 'p' then 'plain' when 'm' then 'main' else 'extended' end)
    from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
    where ${RELATIONS} and c.relkind = 'r' and a.attnum > 0 and a.attstorage <> t.typstorage order by 1`,
  Indexes: `
    select pg_get_indexdef(i.indexrelid) from pg_index i join pg_class c on c.oid = i.indexrelid
    where ${RELATIONS} and not exists (select from pg_constraint o where o.conindid = i.indexrelid)
    order by c.relname collate "C"`,
  Functions: `
    select rtrim(pg_get_functiondef(p.oid), E'\\n') from pg_proc p
    where p.pronamespace = 'kafka'::regnamespace
    order by p.prosqlbody is not null, p.proname collate "C", p.oid::regprocedure::text collate "C"`,
  Rights: `
    select format('revoke execute on function %s from public', p.oid::regprocedure) from pg_proc p
    where p.pronamespace = 'kafka'::regnamespace and not exists (
      select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)
    order by p.oid::regprocedure::text collate "C"`,
  Triggers: `
    select pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where ${RELATIONS} and not t.tgisinternal order by 1`,
  Views: `
    select format(E'create view kafka.%I as\\n%s', c.relname, rtrim(pg_get_viewdef(c.oid), ';')) from pg_class c
    where ${RELATIONS} and c.relkind = 'v' order by c.relname collate "C"`,
  Comments: `
    select text from (
      select 0, '', 0, format('comment on schema kafka is %L', obj_description('kafka'::regnamespace, 'pg_namespace'))
      union all
      select 1, c.relname, 0, format('comment on %s kafka.%I is %L', case c.relkind when 'v' then 'view' else 'table' end,
        c.relname, obj_description(c.oid, 'pg_class'))
      from pg_class c where ${RELATIONS} and c.relkind in ('r', 'v')
      union all
      select 1, c.relname, a.attnum, format('comment on column kafka.%I.%I is %L', c.relname, a.attname, col_description(c.oid, a.attnum))
      from pg_class c join pg_attribute a on a.attrelid = c.oid
      where ${RELATIONS} and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped
      union all
      select 2, p.proname, 0, format('comment on function %s is %L', p.oid::regprocedure, obj_description(p.oid, 'pg_proc'))
      from pg_proc p where p.pronamespace = 'kafka'::regnamespace) comments (part, name, place, text)
    order by part, name collate "C", place, text collate "C"`
}

const HEAD = `-- The schema of Tusk as its migrations make it (packages/storage/src/pg/sql/migrations), for reading; a broker installs it by itself.
-- Written by \`npx vitest run --config vitest.workspace.ts packages/storage/test/pg/schema.test.ts -u\`.

create schema kafka;
`

/** Views that others read come before them. */
const inOrder = (statements: ReadonlyArray<string>): ReadonlyArray<string> => {
  const left = statements.map((statement) => ({ statement, name: /^create view (\S+)/.exec(statement)?.[1] ?? "" }))
  const placed: Array<string> = []
  while (left.length > 0) {
    const next = left.findIndex(({ statement }, i) =>
      left.every(({ name }, other) => other === i || name === "" || !new RegExp(`${name}\\b`).test(statement))
    )
    placed.push(left.splice(Math.max(0, next), 1)[0]!.statement)
  }
  return placed
}

/** The schema as statements that make it. */
export const dumpSchema = (connection: PgConnection): Effect.Effect<string, ConnectionError> =>
  Effect.gen(function* () {
    let text = HEAD
    for (const [part, sql] of Object.entries(PARTS)) {
      const rows = yield* connection.query(sql)
      const found = rows.map(([statement]) => statement!)
      const statements = part === "Views" ? inOrder(found) : found
      text += `\n-- ${part}\n\n${statements.map((each) => `${each};\n`).join(part === "Comments" ? "" : "\n")}`
    }
    return text
  })
