import type { PgTarget } from "../options/PgOptions.ts"

/** The settings of other people's roles and databases must not reach our sessions. */
export const sessionSettings = (target: PgTarget, serverVersion: number): string =>
  [
    `statement_timeout = ${target.statementTimeoutMs}`,
    `lock_timeout = ${target.lockTimeoutMs}`,
    "idle_in_transaction_session_timeout = 60000",
    "idle_session_timeout = 0",
    ...(serverVersion >= 17 ? ["transaction_timeout = 0"] : []),
    // A vanished host is noticed within 15 s.
    "tcp_keepalives_idle = 5",
    "tcp_keepalives_interval = 3",
    "tcp_keepalives_count = 3",
    "tcp_user_timeout = 15000",
    `synchronous_commit = ${target.synchronousCommit}`,
    "default_transaction_isolation = 'read committed'",
    "default_transaction_read_only = off",
    "default_transaction_deferrable = off",
    "search_path = pg_catalog",
    // What statements mean, and in which tablespace tables are made.
    "standard_conforming_strings = on",
    "check_function_bodies = on",
    "default_tablespace = ''",
    "default_table_access_method = heap",
    // A COMMIT that no standby confirmed comes with a warning.
    "client_min_messages = warning",
    // Statements of constant text and one right plan, whatever statistics say: index by index, never a scan.
    "plan_cache_mode = force_generic_plan",
    "enable_seqscan = off",
    "enable_bitmapscan = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
    "enable_memoize = off",
    "jit = off"
  ]
    .map((setting) => `set ${setting}`)
    // A pooler may hand on a session as the client before left it.
    .concat("deallocate all")
    .join(";")
