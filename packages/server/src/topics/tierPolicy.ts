import type { TierPolicy } from "@tusk/storage/log/tiering/TierOptions"
import type { TopicConfig } from "../config/TopicConfigs.ts"

/** What stands for the limit of the whole log: what is beyond it is deleted, and need not move before. */
const AS_TOTAL = -2

const limitOf = (local: number): number => (local === AS_TOTAL ? -1 : local)

/** What becomes of a topic's old batches, by its configs; undefined: they stay where they are. */
export const tierPolicy = (
  config: Pick<TopicConfig, "deletedOnDisable" | "localRetentionBytes" | "localRetentionMs" | "moveDisabled" | "tiered">
): TierPolicy | undefined => {
  if (!config.tiered) return config.deletedOnDisable ? { _tag: "Ends" } : undefined
  if (config.moveDisabled) return undefined
  const limits = { localMs: limitOf(config.localRetentionMs), localBytes: limitOf(config.localRetentionBytes) }
  return { _tag: "Moves", limits }
}
