import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import type { Participant } from "../../commit/Participant.ts"
import type { Write } from "../../port/Write.ts"
import type { LogLimits, PartitionLog } from "./PartitionLog.ts"
import { confirm, propose, retract } from "./Proposal.ts"
import type { Verdict } from "./Proposal.ts"

/** Offsets that one batch can span: the delta of its last one is an int32. */
const MOST_OFFSETS = 1n << 31n

export interface LeapPorts {
  readonly limits: LogLimits
  readonly leaderEpoch: () => number
  readonly failoverEpoch: () => number
  readonly nowMs: () => number
}

/**
 * A partition's end leaps over offsets that clients may know and the log lacks, after a failover that lost them: no offset
 * is given to two records. What is stored is what compaction leaves of a batch without records, so that every client passes
 * it, and lag goes back to 0.
 */
export const leap = (log: PartitionLog, to: bigint, ports: LeapPorts): Participant<void> => {
  let made: Array<Verdict> = []
  let failoverEpoch = log.failoverEpoch
  return {
    bytes: 128,
    assemble: (writes: Array<Write>) => {
      const nowMs = BigInt(ports.nowMs())
      failoverEpoch = ports.failoverEpoch()
      const how = { leaderEpoch: ports.leaderEpoch(), nowMs, limits: ports.limits, logAppendTime: -1n }
      let at = log.committed.endOffset
      while (at < to) {
        const span = to - at < MOST_OFFSETS ? to - at : MOST_OFFSETS
        const batch = encodeBatch([], { lastOffset: span - 1n })
        made.push(propose(log, batch, how, writes))
        at += span
      }
      writes.push({ _tag: "PutFailoverEpoch", partitionId: log.partitionId, epoch: failoverEpoch })
      return "Stored"
    },
    retract: () => {
      for (const verdict of made.reverse()) {
        if (verdict._tag === "Appended") retract(log, verdict.batch, verdict.before)
      }
      made = []
    },
    settle: (error) => {
      if (error !== undefined) return
      confirm(log, BigInt(ports.nowMs()), ports.limits)
      log.failoverEpoch = failoverEpoch
    },
    answer: () => {}
  }
}
