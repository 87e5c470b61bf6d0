import * as Context from "effect/Context"
import { logDefaults } from "../defaults.ts"
import type { LogLimits } from "./partitions/PartitionLog.ts"

export interface LogOptions extends LogLimits {
  /** Bytes of recent batches kept in memory over all partitions. */
  readonly tailMaxBytes: number
  /** Batches that no longer fit into the tail are deleted for good: the bound of a broker that keeps all in memory. */
  readonly tailIsAll: boolean
  /** Bytes read ahead for consumers that catch up, over all of them; 0: none. */
  readonly readAheadBytes: number
  /** `tusk.failover.offset.leap`: offsets by which each end leaps after a failover that may have lost records. */
  readonly failoverLeap: number
}

export const LogOptions = Context.Reference<LogOptions>("@tusk/storage/LogOptions", {
  defaultValue: () => logDefaults
})
