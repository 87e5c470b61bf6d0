import * as Context from "effect/Context"
import type { PartitionsOptions } from "./partitions/Partitions.ts"

export interface LogOptions extends PartitionsOptions {
  /** Batches that no longer fit into the tail are deleted for good: the bound of a broker that keeps all in memory. */
  readonly tailIsAll: boolean
  /** Bytes read ahead for consumers that catch up, over all of them; 0: none. */
  readonly readAheadBytes: number
}

export const LogOptions = Context.Reference<LogOptions>("@tusk/storage/LogOptions", {
  defaultValue: () => ({
    tailMaxBytes: 32 * 1024 * 1024,
    tailIsAll: false,
    readAheadBytes: 16 * 1024 * 1024,
    failoverLeap: 1_000_000,
    snapshotEvery: 1000,
    maxProducers: 10_000,
    producerIdExpirationMs: 86_400_000
  })
})
