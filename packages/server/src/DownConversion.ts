import type { KafkaError } from "@tusk/protocol/KafkaError"
import { UnsupportedCompressionType } from "@tusk/protocol/KafkaError"
import { downConvertBatch } from "@tusk/protocol/record/MessageSet"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"

const ZSTD = 4

/**
 * Batches as a Fetch of this version may carry them: as they lie from version 4 on; message sets of magic 1 in versions
 * 2 and 3, of magic 0 before, which know no zstd. From version 10 on a client says that it reads zstd (KIP-110); many that
 * ask by older ones do, too, and who does not says so better than who is refused, and asks again.
 */
export const downConvert = (
  batches: ReadonlyArray<Uint8Array>,
  apiVersion: number,
  maxDecompressedBytes: number
): ReadonlyArray<Uint8Array> | KafkaError => {
  if (apiVersion >= 4) return batches
  if (batches.some((batch) => RecordBatch.compressionCodec(batch) === ZSTD)) {
    return new UnsupportedCompressionType({ message: "zstd needs Fetch version 4 or later." })
  }
  const converted: Array<Uint8Array> = []
  for (const batch of batches) {
    const messages = downConvertBatch(batch, apiVersion >= 2 ? 1 : 0, { maxDecompressedBytes })
    if (!(messages instanceof Uint8Array)) return messages
    converted.push(messages)
  }
  return converted
}
