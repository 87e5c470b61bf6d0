import * as Context from "effect/Context"
import { tierDefaults } from "../../defaults.ts"
import type { LocalLimits } from "./TierPlan.ts"

/** How batches move from the database to objects. */
export interface TierOptions {
  /** Between two looks: `remote.log.manager.task.interval.ms`. */
  readonly intervalMs: number
  /** Bytes of an object, about; so much is held in memory for it. */
  readonly objectBytes: number
  /** Batches of an object at most. */
  readonly objectBatches: number
  /** Bytes, and batches of them, that one commit moves at most: what an append may have to wait for. */
  readonly bytesPerCommit: number
  readonly batchesPerCommit: number
  /** `remote.log.manager.copy.max.bytes.per.second`. */
  readonly bytesPerSecond: number
}

export const TierOptions = Context.Reference<TierOptions>("@tusk/storage/TierOptions", {
  defaultValue: () => tierDefaults
})

/** `Moves`: what is beyond the limits moves to objects. `Ends`: what has moved is deleted. */
export type TierPolicy = { readonly _tag: "Moves"; readonly limits: LocalLimits } | { readonly _tag: "Ends" }

/** Undefined: nothing of the topic moves, and what has moved stays where it is. */
export type TierOf = (topic: string) => TierPolicy | undefined

export const TierPolicies = Context.Reference<TierOf>("@tusk/storage/TierPolicies", {
  defaultValue: () => () => undefined
})
