import * as Context from "effect/Context"
import { compactionDefaults } from "../../defaults.ts"
import type { CompactionPolicy } from "./CompactionPlan.ts"

/** How a broker compacts, whatever the topic. */
export interface CompactionOptions {
  /** Whether topics are looked at by themselves, as `log.cleaner.enable`. */
  readonly enabled: boolean
  /** Between two looks, as `log.cleaner.backoff.ms`. */
  readonly backoffMs: number
  /** Memory for the keys of one pass, as `log.cleaner.dedupe.buffer.size`; what does not fit waits for the next. */
  readonly maxKeyBytes: number
  /** Bytes of batches read, and rewritten by one commit, at a time; one batch may be larger. */
  readonly stepBytes: number
}

export const CompactionOptions = Context.Reference<CompactionOptions>("@tusk/storage/CompactionOptions", {
  defaultValue: () => compactionDefaults
})

/** How a topic is compacted; undefined if its cleanup policy lacks compact. */
export type CompactionOf = (topic: string) => CompactionPolicy | undefined

export const CompactionOf = Context.Reference<CompactionOf>("@tusk/storage/CompactionOf", {
  defaultValue: () => () => undefined
})
