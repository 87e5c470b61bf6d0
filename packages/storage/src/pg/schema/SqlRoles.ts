import * as Effect from "effect/Effect"
import type { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"

/** What `tusk sql roles` comes to: the statements, and why they were not run, if they were not. */
export interface SqlRoles {
  readonly statements: ReadonlyArray<string>
  readonly refused: string | undefined
}

const ROLES = ["kafka_producer", "kafka_consumer", "kafka_admin"] as const

const RIGHTS = [
  "select kafka.allow('Group:kafka_producer', 'write', '*')",
  "select kafka.allow('Group:kafka_consumer', 'read', '*')",
  "select kafka.allow('Group:kafka_consumer', 'read', '*', 'group')",
  ...["topic", "group", "transactional_id", "cluster"].map(
    (type) => `select kafka.allow('Group:kafka_admin', 'all', '*', '${type}')`
  ),
  ...["allow", "deny", "revoke"].map((name) => `grant execute on function kafka.${name} to kafka_admin`),
  "grant select on all tables in schema kafka to kafka_admin"
]

/**
 * Makes the group roles that are missing and gives them their rights: all of it or nothing, and as often as one likes.
 * If the session's role may not, nothing is done.
 */
export const makeSqlRoles = (connection: PgConnection): Effect.Effect<SqlRoles, ConnectionError> =>
  Effect.gen(function* () {
    const [state] = yield* connection.query(`
      select current_user, pg_get_userbyid(n.nspowner), pg_has_role(n.nspowner, 'USAGE'), r.rolsuper or r.rolcreaterole,
        (select array_to_string(array_agg(g.rolname), ',') from pg_roles g where g.rolname in ('${ROLES.join("', '")}')),
        exists (select from pg_proc p where p.pronamespace = n.oid and p.proname = 'allow')
      from pg_roles r left join pg_namespace n on n.nspname = 'kafka' where r.rolname = current_user`)
    const [user, owner, owns, creates, found, installed] = state!
    const there = new Set(found?.split(","))
    const missing = ROLES.filter((role) => !there.has(role))
    const statements = [...missing.map((role) => `create role ${role} nologin`), ...RIGHTS]
    const refused = (why: string): SqlRoles => ({ statements, refused: why })
    if (installed !== "t") return refused("the schema kafka is not there, or of an older Tusk: start Tusk first")
    if (owns !== "t") return refused(`the schema kafka belongs to ${owner}, not to ${user}`)
    if (creates !== "t" && missing.length > 0) return refused(`${user} may not create roles`)
    const all = ["begin", ...statements, "commit"].join("; ")
    yield* Effect.onError(connection.query(all), () => Effect.ignore(connection.query("rollback")))
    return { statements, refused: undefined }
  })
