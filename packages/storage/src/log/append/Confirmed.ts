import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"
import { lastStableOffset } from "../partitions/PartitionLog.ts"
import type { LogLimits, PartitionLog } from "../partitions/PartitionLog.ts"
import { confirm } from "../partitions/Proposal.ts"

/** What a commit changed for readers of committed records of a partition. */
export interface Confirmed {
  /** Transactions that were aborted. */
  readonly aborted: ReadonlyArray<AbortedTransaction>
  /** Whether the last stable offset goes with the high watermark, stands still, or has leapt over what was undecided. */
  readonly stable: "Follows" | "Stands" | "Leaps"
}

const NONE: ReadonlyArray<AbortedTransaction> = []
const FOLLOWS: Confirmed = { aborted: NONE, stable: "Follows" }

/** Makes real what the commit assumed of a partition; of all that it holds, the first to be settled does so. */
export const confirmed = (log: PartitionLog, nowMs: bigint, limits: LogLimits): Confirmed => {
  const wasOpen = log.openTransactions.size > 0
  const before = lastStableOffset(log)
  const aborted = confirm(log, nowMs, limits)
  const isOpen = log.openTransactions.size > 0
  if (!wasOpen && !isOpen) return aborted.length === 0 ? FOLLOWS : { aborted, stable: "Follows" }
  return { aborted, stable: lastStableOffset(log) > before ? "Leaps" : "Stands" }
}
