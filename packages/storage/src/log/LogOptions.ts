import * as Context from "effect/Context"
import { logDefaults } from "../defaults.ts"
import type { PartitionsOptions } from "./partitions/Partitions.ts"

/** Limits of the log, those of its partitions among them. */
export interface LogOptions extends PartitionsOptions {
  /** Batches that no longer fit into the tail are deleted for good: the bound of a broker that keeps all in memory. */
  readonly tailIsAll: boolean
  /** Bytes read ahead for consumers that catch up, over all of them; 0: none. */
  readonly readAheadBytes: number
}

export const LogOptions = Context.Reference<LogOptions>("@tusk/storage/LogOptions", {
  defaultValue: () => logDefaults
})
