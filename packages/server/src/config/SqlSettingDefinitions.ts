import { eraseDefaults, pgDefaults } from "@tusk/storage/defaults"
import { number, word } from "./SettingKinds.ts"

/** What the broker does for sessions of SQL: see docs/sql.md. */
export const sqlSettingDefinitions = {
  sqlMaterialiseSessions: number(
    "tusk.sql.materialise.sessions",
    "INT",
    pgDefaults.tableSessions,
    { min: 1, max: 100 },
    "Database sessions at most that write to tables of kafka.materialise. One that waits for a lock on a table has one of them for a second."
  ),
  eraseBytesPerSecond: number(
    "tusk.erase.bytes.per.second",
    "LONG",
    eraseDefaults.bytesPerSecond,
    { min: 1024 },
    "Bytes of batches that kafka.erase looks through in a second, over all topics."
  ),
  sqlDedupWindowMs: number(
    "tusk.sql.dedup.window.ms",
    "LONG",
    86_400_000,
    { min: 0, max: 31_536_000_000 },
    "For how long kafka.produce knows a dedup key."
  ),
  sqlNotify: word(
    "tusk.sql.notify",
    "auto",
    ["auto", "on"],
    "Whether kafka.produce wakes a broker that sleeps. auto: unless max_prepared_transactions allows PREPARE TRANSACTION, which refuses a transaction that has notified; then the broker looks every 20 to 250 ms."
  ),
  sqlSnapshotOutboxRows: number(
    "tusk.sql.snapshot.outbox.rows",
    "INT",
    20_000,
    { min: 1, max: 10_000_000 },
    "Rows in kafka.outbox beyond which the snapshot of a published table waits."
  ),
  sqlRecords: word(
    "tusk.sql.records",
    "off",
    ["off", "on"],
    "on: records are kept as rows, too, for queries in SQL, in topics that do not say otherwise. See docs/sql.md."
  )
}
