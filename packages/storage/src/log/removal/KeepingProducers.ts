import type * as Effect from "effect/Effect"
import type { Participant } from "../../commit/Participant.ts"
import type { Write } from "../../port/Write.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { PartitionLog } from "../partitions/PartitionLog.ts"
import { snapshotBelow, snapshotStored } from "../partitions/ProducerSnapshot.ts"

/**
 * Joined with what takes away batches of a partition below an offset: what is known of producers is stored with it, if
 * it hangs on those batches. Else a broker that starts anew would take a repeated batch once more, or refuse the next one.
 */
export const keepingProducers = (
  partitionId: number,
  below: bigint,
  find: (partitionId: number) => PartitionLog | undefined,
  prepare: Effect.Effect<void, StoreError> | undefined
): Participant<void> => {
  let saved: { readonly log: PartitionLog; readonly endOffset: bigint } | undefined
  return {
    bytes: 64,
    prepare,
    assemble: (writes: Array<Write>) => {
      const log = find(partitionId)
      // Without one its topic is deleted: no request asks for its producers again.
      const snapshot = log === undefined ? undefined : snapshotBelow(log, below)
      if (log === undefined || snapshot === undefined) return "Told"
      writes.push(snapshot)
      saved = { log, endOffset: log.committed.endOffset }
      return "Stored"
    },
    retract: () => {
      saved = undefined
    },
    settle: (error) => {
      if (error === undefined && saved !== undefined) snapshotStored(saved.log, saved.endOffset)
    },
    answer: () => {}
  }
}
