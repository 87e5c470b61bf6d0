import * as Effect from "effect/Effect"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"

/** What `tusk sql roles` comes to: the statements, and why they were not run, if they were not. */
export interface SqlRoles {
  readonly statements: ReadonlyArray<string>
  readonly refused: string | undefined
}

/** Bytes of the longest name that Postgres keeps. */
const MAX_NAME = 63

const KINDS = ["producer", "consumer", "admin"] as const

/** Tables that the owner alone reads. */
const SECRETS = ["scram_users", "delegation_tokens"]

/** Roles are the whole server's: those of another schema than `kafka` are called by it. */
const roleOf = (schema: string, kind: (typeof KINDS)[number]): string => `${schema}_${kind}`

const quoted = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name}"`)

/** Written for schema `kafka`, as all SQL. */
const rightsOf = (schema: string): ReadonlyArray<string> => {
  const role = (kind: (typeof KINDS)[number]) => `'Group:${roleOf(schema, kind)}'`
  const admin = quoted(roleOf(schema, "admin"))
  return [
    `select kafka.allow(${role("producer")}, 'write', '*')`,
    `select kafka.allow(${role("consumer")}, 'read', '*')`,
    `select kafka.allow(${role("consumer")}, 'read', '*', 'group')`,
    ...["topic", "group", "transactional_id", "cluster"].map(
      (type) => `select kafka.allow(${role("admin")}, 'all', '*', '${type}')`
    ),
    ...["allow", "deny", "revoke"].map((name) => `grant execute on function kafka.${name} to ${admin}`),
    `grant select on all tables in schema kafka to ${admin}`,
    `revoke all on ${SECRETS.map((table) => `kafka.${table}`).join(", ")} from ${KINDS.map((kind) => quoted(roleOf(schema, kind))).join(", ")}`
  ]
}

/**
 * Makes the group roles that are missing and gives them their rights: all of it or nothing, and as often as one likes.
 * If the session's role may not, nothing is done.
 */
export const makeSqlRoles = (connection: PgConnection): Effect.Effect<SqlRoles, ConnectionError> =>
  Effect.gen(function* () {
    const { schema } = connection
    const roles = KINDS.map((kind) => roleOf(schema, kind))
    const [state] = yield* connection.query(`
      select current_user, pg_get_userbyid(n.nspowner), pg_has_role(n.nspowner, 'USAGE'), r.rolsuper or r.rolcreaterole,
        (select array_to_string(array_agg(g.rolname), ',') from pg_roles g where g.rolname in ('${roles.join("', '")}')),
        exists (select from pg_proc p where p.pronamespace = n.oid and p.proname = 'allow')
      from pg_roles r left join pg_namespace n on n.nspname = 'kafka' where r.rolname = current_user`)
    const [user, owner, owns, creates, found, installed] = state!
    const there = new Set(found?.split(","))
    const missing = roles.filter((role) => !there.has(role))
    const statements = [...missing.map((role) => `create role ${quoted(role)} nologin`), ...rightsOf(schema)]
    const told = statements.map(connection.inSchema)
    const refused = (why: string): SqlRoles => ({ statements: told, refused: why })
    const long = roles.find((role) => Buffer.byteLength(role) > MAX_NAME)
    if (long !== undefined) return refused(`the name ${long} is too long for a role`)
    if (installed !== "t") return refused(`the schema ${schema} is not there, or of an older Tusk: start Tusk first`)
    if (owns !== "t") return refused(`the schema ${schema} belongs to ${owner}, not to ${user}`)
    if (creates !== "t" && missing.length > 0) return refused(`${user} may not create roles`)
    const all = ["begin", ...statements, "commit"].join("; ")
    yield* Effect.onError(connection.query(all), () => Effect.ignore(connection.query("rollback")))
    return { statements: told, refused: undefined }
  })
