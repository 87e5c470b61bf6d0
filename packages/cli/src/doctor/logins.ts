import { MAX_ITERATIONS, MIN_ITERATIONS } from "@tusk/server/security/sasl/ScramKeys"
import { sqlCheck } from "./Check.ts"
import type { Check } from "./Check.ts"
import { error, info, some, warning } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

/** Rules of `kafka.acls`, and who they are of. */
export interface AclFacts {
  readonly everybody: number
  /** `Group:` of a role that is not there. */
  readonly strange_groups: ReadonlyArray<string>
  /** `User:` that is no role, and has no password here. */
  readonly strange_users: ReadonlyArray<string>
}

export const judgeAcls = ([facts]: ReadonlyArray<AclFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const { everybody, strange_groups, strange_users } = facts
  const found: Array<Verdict> = []
  if (everybody > 0) {
    const why = "every client of Kafka has that right, and every role of this server in SQL"
    const seen = `${everybody} rules of kafka.acls allow something to User:*`
    found.push(info(seen, why, "select * from kafka.acls; kafka.revoke takes one back"))
  }
  if (strange_groups.length > 0) {
    const seen = `kafka.acls names groups that are no roles: ${some(strange_groups)}`
    const why = "members of a role that is made later by that name get their rights"
    found.push(warning(seen, why, "kafka.revoke, or tusk acl remove, takes them back"))
  }
  if (strange_users.length > 0) {
    const seen = `kafka.acls names users that are no roles, and not in kafka.scram_users: ${some(strange_users)}`
    const why =
      "whoever comes by that name gets their rights; names of certificates, tokens and settings are not seen from here"
    found.push(info(seen, why, "tusk acl remove --allow, if nobody of that name is to come"))
  }
  return found
}

const ACLS = `
  with named as (select distinct principal, substr(principal, strpos(principal, ':') + 1) as name from kafka.acls
    where principal not in ('User:*', 'User:ANONYMOUS') and not exists
      (select from pg_roles where rolname = substr(principal, strpos(principal, ':') + 1)))
  select (select count(*) from kafka.acls where principal = 'User:*' and permission_type = 'ALLOW') as everybody,
    array(select principal from named where principal like 'Group:%' order by 1 limit 20) as strange_groups,
    array(select principal from named where principal like 'User:%'
      and not exists (select from kafka.scram_users where user_name = name) order by 1 limit 20) as strange_users`

/** What is kept of passwords and tokens. */
export interface SecretFacts {
  /** Users with iterations that no broker takes. */
  readonly unusable: ReadonlyArray<string>
  /** Roles that may read a secret, are no broker's, and may not read everything anyway; "public" is all of them. */
  readonly readers: ReadonlyArray<string>
  /** Delegation tokens that expired more than a day ago. */
  readonly expired: number
}

export const judgeSecrets = ([facts]: ReadonlyArray<SecretFacts>): ReadonlyArray<Verdict> => {
  if (facts === undefined) return []
  const { expired, readers, unusable } = facts
  const found: Array<Verdict> = []
  if (readers.length > 0) {
    const seen = `kafka.scram_users and kafka.delegation_tokens can be read by ${some(readers)}`
    const why = "passwords can be guessed with what lies there, and a token's HMAC is its password"
    found.push(error(seen, why, "revoke all on kafka.scram_users, kafka.delegation_tokens from …, then new passwords"))
  }
  if (unusable.length > 0) {
    const range = `${MIN_ITERATIONS} to ${MAX_ITERATIONS}`
    const seen = `users of kafka.scram_users with other than ${range} iterations: ${some(unusable)}`
    found.push(warning(seen, "they are not let in by that mechanism", "tusk user passwd USER --iterations N"))
  }
  if (expired > 0) {
    const seen = `${expired} delegation tokens expired more than a day ago, and are still there`
    found.push(info(seen, "nobody gets in by them; a broker that serves deletes them", "start Tusk"))
  }
  return found
}

/** The account of a broker may write what only brokers write. */
const SECRETS = `
  select array(select distinct user_name from kafka.scram_users
      where iterations not between ${MIN_ITERATIONS} and ${MAX_ITERATIONS} order by 1 limit 20) as unusable,
    case when exists (select from pg_class c, aclexplode(c.relacl) a where a.grantee = 0
        and c.oid in ('kafka.scram_users'::regclass, 'kafka.delegation_tokens'::regclass)) then array['public']
      else array(select rolname from pg_roles r where not rolsuper and rolname not like 'pg\\_%'
        and (has_any_column_privilege(oid, 'kafka.scram_users', 'SELECT') or has_any_column_privilege(oid, 'kafka.delegation_tokens', 'SELECT'))
        and not has_table_privilege(oid, 'kafka.cluster', 'UPDATE') and not pg_has_role(oid, 'pg_read_all_data', 'USAGE')
        order by 1 limit 20) end as readers,
    (select count(*) from kafka.delegation_tokens
      where expiry_timestamp < extract(epoch from now() - interval '1 day') * 1000) as expired`

/** Those that need the schema to be there. */
export const loginChecks: ReadonlyArray<Check> = [
  sqlCheck("acls", ACLS, judgeAcls),
  sqlCheck("secrets", SECRETS, judgeSecrets)
]
