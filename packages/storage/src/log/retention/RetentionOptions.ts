import * as Context from "effect/Context"
import { retentionDefaults } from "../../defaults.ts"

/** How often a broker looks for what has to go, and how much of it goes at a time. */
export interface RetentionOptions {
  /** How often deleted topics are looked for. */
  readonly intervalMs: number
  /** How often records too old are looked for, as `log.retention.check.interval.ms`. */
  readonly checkIntervalMs: number
  /** Batches, and bytes of them, deleted by one commit at most: what an append may have to wait for. */
  readonly batchesPerStep: number
  readonly bytesPerStep: number
}

export const RetentionOptions = Context.Reference<RetentionOptions>("@tusk/storage/RetentionOptions", {
  defaultValue: () => retentionDefaults
})

export interface RetentionLimits {
  /** `retention.ms`: how long records stay, in milliseconds; negative for ever. */
  readonly retentionMs: number
  /** `retention.bytes` of each partition; negative: as many as there are. */
  readonly retentionBytes: number
}

/** What a topic keeps; undefined if its cleanup policy lacks delete. */
export type RetentionOf = (topic: string) => RetentionLimits | undefined

export const RetentionPolicy = Context.Reference<RetentionOf>("@tusk/storage/RetentionPolicy", {
  defaultValue: () => () => undefined
})
