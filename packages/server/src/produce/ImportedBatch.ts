import { InvalidRecord } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { TopicConfig } from "../config/TopicConfigs.ts"
import type { Inside } from "./Recompression.ts"

/**
 * The record batches of a partition, of which there may be many, as far as headers and checksums tell. Sizes and times are
 * their source's matter.
 */
export const checkImported = (records: Uint8Array | null): ReadonlyArray<Uint8Array> | KafkaError => {
  const batches = RecordBatch.splitBatches(records ?? new Uint8Array(0))
  if (isKafkaError(batches)) return batches
  if (batches.length === 0) return new InvalidRecord({ message: "There is no record batch to import." })
  for (const batch of batches) {
    const invalid = RecordBatch.validateImported(batch)
    if (invalid !== undefined) return invalid
  }
  return batches
}

const RULES: RecordBatch.RecordRules = { compacted: false, gaps: true }

/** Its records are looked at as those of any other, unless its topic wants none of that; it is not compressed anew. */
export const insideOfImported = (batch: Uint8Array, { validated }: TopicConfig): Inside | undefined =>
  validated && RecordBatch.recordCount(batch) > 0
    ? { rules: RULES, target: undefined, maxMessageBytes: Infinity }
    : undefined
