/** The schema that this program knows: the number of the last file in `migrations/`. */
export const SCHEMA_VERSION = 8

/** Keys of advisory locks, which are each database's own: "Tusk" and a number for what is locked. */
const TUSK = 0x5475736b

/** Held by the session of the active broker: the fence (storage.md 3). */
export const CLUSTER_LOCK = [TUSK, 1] as const

/** Held by a transaction that installs or migrates the schema. */
export const SCHEMA_LOCK = [TUSK, 2] as const
