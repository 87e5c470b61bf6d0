import { LOCK_CLASS } from "../options/SchemaName.ts"
import { migrations } from "../sql/bundle.ts"

/** The name of a step: that of its file, without the ending. */
export type MigrationName = keyof typeof migrations

/** The steps that this program knows, in order: a file each in `sql/migrations/`, kept by name in `kafka.migrations`. */
export const MIGRATIONS = Object.keys(migrations) as ReadonlyArray<string> as ReadonlyArray<MigrationName>

/** Number and name of a step, as its row has them. */
export const stepOf = (migration: string): { readonly id: number; readonly name: string } => ({
  id: Number.parseInt(migration, 10),
  name: migration.slice(migration.indexOf("_") + 1)
})

/** The schema that this program knows: the number of the last step. */
export const SCHEMA_VERSION = stepOf(MIGRATIONS.at(-1)!).id

/** Keys of advisory locks: those of a cluster, and a number for what is locked. In another schema they are others (`inSchema`). */
const TUSK = LOCK_CLASS

/** Held by the session of the active broker: it is the fence. */
export const CLUSTER_LOCK = [TUSK, 1] as const

/** Held by the session that commits beside the one with the cluster's lock. */
export const BESIDE_LOCK = [TUSK, 4] as const

/** Held by a transaction that installs or migrates the schema. */
export const SCHEMA_LOCK = [TUSK, 2] as const

/**
 * Held by a broker's session that sleeps until `kafka.produce` notifies it. A transaction that produces takes it, shared,
 * if it can: then no broker sleeps before that transaction ends, and nobody has to be woken.
 */
export const OUTBOX_LOCK = [TUSK, 3] as const
