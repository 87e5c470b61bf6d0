import type { Participant } from "../Participant.ts"
import { snapshotOf } from "./PartitionLog.ts"
import type { PartitionLog } from "./PartitionLog.ts"

/** Of what is stored when the commit is put together: what comes with it is told by its batches. */
export const savingProducers = (log: PartitionLog): Participant<void> => ({
  bytes: 64,
  assemble: (writes) => {
    if (log.producers.size === 0) return "Told"
    writes.push(snapshotOf(log))
    return "Stored"
  },
  retract: () => {},
  settle: () => {},
  answer: () => {}
})
