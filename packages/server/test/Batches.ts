/** Record batches as producers send them, in few words. */
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { EncodeOptions } from "@tusk/protocol/record/RecordBatch"

const utf8 = new TextEncoder()

/** One batch with a record for each value; times are now unless the options say. */
export const batchOf = (
  values: ReadonlyArray<string>,
  options: EncodeOptions & { readonly timestamp?: bigint } = {}
): Uint8Array => {
  const timestamp = options.timestamp ?? BigInt(Date.now())
  return RecordBatch.encodeBatch(
    values.map((value) => ({ timestamp, key: null, value: utf8.encode(value) })),
    options
  )
}

/** The values in an answer's batches, in order. */
export const valuesOf = (records: ReadonlyArray<Uint8Array> | null): Array<string> => {
  const batches = RecordBatch.splitBatches(Buffer.concat(records ?? []))
  if (!Array.isArray(batches)) throw batches
  return batches.flatMap((batch: Uint8Array) => {
    const decoded = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
    if ("_tag" in decoded) throw decoded
    return decoded.map(({ value }) => Buffer.from(value ?? []).toString())
  })
}
