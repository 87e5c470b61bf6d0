import * as Context from "effect/Context"
import { eraseDefaults } from "../../defaults.ts"

/** How a broker erases. */
export interface EraseOptions {
  /** Bytes of batches that are looked through a second, over all topics: `tusk.erase.bytes.per.second`. */
  readonly bytesPerSecond: number
  /** Bytes of batches read, and rewritten by one commit, at a time; one batch may be larger. */
  readonly stepBytes: number
  /** Bytes of a topic's log that are looked through before another topic has its turn. */
  readonly sliceBytes: number
  /** Between two looks if nobody says that there is something. */
  readonly lookMs: number
  /** Between two looks while something is waited for, at first and at most; the latter also after a step that took long. */
  readonly waitMs: number
  readonly longestWaitMs: number
  /** For how long records that SQL sent are waited for before they are taken out of the outbox. */
  readonly outboxMs: number
}

export const EraseOptions = Context.Reference<EraseOptions>("@tusk/storage/EraseOptions", {
  defaultValue: () => eraseDefaults
})
