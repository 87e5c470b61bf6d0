import { DuplicateSequenceNumber, OutOfOrderSequenceNumber } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import type { PartitionLog } from "./PartitionLog.ts"

/** Whether a partition is imported now: its offsets are another log's. */
export const IsImported = Context.Reference<(partitionId: number) => boolean>("@tusk/storage/IsImported", {
  defaultValue: () => () => false
})

/**
 * Why an imported batch does not follow what is there. A gap that its sender does not know of is none of its log: something
 * of it is missing, as when one of several batches in flight was refused.
 */
export const misplaced = (log: PartitionLog, batch: Uint8Array, importedTo: bigint): KafkaError | undefined => {
  const { endOffset } = log.assumed?.end ?? log.committed
  const [base, last] = [RecordBatch.baseOffset(batch), RecordBatch.lastOffset(batch)]
  const where = `offsets ${base} to ${last}, behind ${importedTo}, in a log that ends at ${endOffset}`
  if (last < endOffset) return new DuplicateSequenceNumber({ message: where })
  return importedTo <= endOffset && endOffset <= base ? undefined : new OutOfOrderSequenceNumber({ message: where })
}
