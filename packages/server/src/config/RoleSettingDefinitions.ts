import { number, word } from "./SettingKinds.ts"

/** Settings of PLAIN's users, if they are roles of Postgres. */
export const roleSettingDefinitions = {
  saslPlainVerify: word(
    "tusk.sasl.plain.verify",
    "users",
    ["users", "postgres"],
    "Whose passwords PLAIN's are. users: those of sasl.jaas.config and of kafka.scram_users. postgres: those of roles of the database's own server, and nobody else's."
  ),
  saslPostgresMaxLogins: number(
    "tusk.sasl.postgres.max.logins",
    "INT",
    4,
    { min: 1 },
    "Logins that Postgres is asked to check at a time; each takes one of its connections for a moment."
  ),
  saslPostgresCacheMs: number(
    "tusk.sasl.postgres.cache.ms",
    "LONG",
    60_000,
    { min: 0 },
    "For how long a role's password that was right is known, as a salted hash in memory; 0: Postgres is asked each time."
  ),
  saslPostgresCacheUsers: number(
    "tusk.sasl.postgres.cache.users",
    "INT",
    10_000,
    { min: 0 },
    "Of how many roles; the oldest are forgotten first."
  )
}
