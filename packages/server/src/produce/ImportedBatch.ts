import { InvalidRecord } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { TopicConfig } from "../config/TopicConfigs.ts"
import type { Inside } from "./Recompression.ts"

/** The one record batch of a partition, as far as its header and checksum tell. Its size and times are its source's matter. */
export const checkImported = (records: Uint8Array | null): Uint8Array | KafkaError => {
  const batches = RecordBatch.splitBatches(records ?? new Uint8Array(0))
  if (isKafkaError(batches)) return batches
  const [batch, ...others] = batches
  if (batch === undefined || others.length > 0) {
    return new InvalidRecord({ message: `One record batch a partition is imported at a time, not ${batches.length}.` })
  }
  return RecordBatch.validateImported(batch) ?? batch
}

const RULES: RecordBatch.RecordRules = { compacted: false, gaps: true }

/** Its records are looked at as those of any other, unless its topic wants none of that; it is not compressed anew. */
export const insideOfImported = (batch: Uint8Array, { validated }: TopicConfig): Inside | undefined =>
  validated && RecordBatch.recordCount(batch) > 0
    ? { rules: RULES, target: undefined, maxMessageBytes: Infinity }
    : undefined
