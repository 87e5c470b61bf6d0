import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"

/** The batches of a Fetch answer's records, a cut one at the end left out. */
export const batchesOf = (records: ReadonlyArray<Uint8Array> | null | undefined): ReadonlyArray<Uint8Array> =>
  (records ?? []).flatMap((part) => {
    const batches = RecordBatch.splitBatches(part, { partialTail: "drop" })
    if (isKafkaError(batches)) throw new Error(`an answer that cannot be read: ${batches._tag}`)
    return batches
  })
