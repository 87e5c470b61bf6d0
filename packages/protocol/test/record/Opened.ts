import { isKafkaError, type KafkaError } from "@tusk/protocol/KafkaError"
import { decompress, type DecompressionLimits } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { finish } from "@tusk/protocol/record/Steps"

/** A batch's records, decompressed; throws what is wrong with them. */
export const opened = (batch: Uint8Array, limits: DecompressionLimits): Uint8Array => {
  const sealed = RecordBatch.sealedRecords(batch)
  const records = isKafkaError(sealed) ? sealed : decompress(sealed.codec, sealed.data, limits)
  if (isKafkaError(records)) throw records
  return records
}

/** What a look-up finds, all at once. */
export const found = (
  batch: Uint8Array,
  lookUp: RecordBatch.LookUp | undefined,
  limits: DecompressionLimits = { maxDecompressedBytes: 64 << 20 }
): RecordBatch.TimestampAndOffset | undefined => {
  if (lookUp === undefined) return undefined
  let answer: RecordBatch.TimestampAndOffset | undefined | KafkaError
  try {
    answer = finish(lookUp.steps(opened(batch, limits)))
  } catch (error) {
    if (!isKafkaError(error)) throw error
    answer = error
  }
  return isKafkaError(answer) ? lookUp.unread : answer
}
