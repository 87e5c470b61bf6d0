import * as Context from "effect/Context"
import { followerDefaults } from "../../defaults.ts"

/** How records are kept as rows. */
export interface FollowerOptions {
  /** How often it is looked, in memory, which topics are to be followed. */
  readonly lookMs: number
  /** How often rows follow what retention, DeleteRecords and compaction took from the log. */
  readonly upkeepIntervalMs: number
  /** Bytes of batches read at a time; and of open ones, beyond which a step takes none more. One batch may be larger. */
  readonly stepBytes: number
  readonly openBytes: number
  /** Pause of a partition that has caught up: what comes meanwhile goes in one step. */
  readonly paceMs: number
  /** How often it is looked which tables there are, and of each, which partitions its topic has. */
  readonly tableLookMs: number
  /** Steps of tables at a time. */
  readonly tableSteps: number
  /** Longest wait of a table or a partition of it between tries. */
  readonly tablePatienceMs: number
}

export const FollowerOptions = Context.Reference<FollowerOptions>("@tusk/storage/FollowerOptions", {
  defaultValue: () => followerDefaults
})

/** Whether a topic's records are kept as rows, `tusk.sql.records`. */
export const KeepsRows = Context.Reference<(topic: string) => boolean>("@tusk/storage/KeepsRows", {
  defaultValue: () => () => false
})
