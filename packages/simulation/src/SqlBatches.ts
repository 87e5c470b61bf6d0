import * as RecordBatch from "@tusk/protocol/record/RecordBatch"

/** A record as a row has it. */
export interface KeptRow {
  readonly offset: bigint
  readonly key: string | null
  readonly value: string | null
}

const textOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString())

const openBatches = new WeakMap<Uint8Array, ReadonlyArray<KeptRow>>()

/** The records of a batch, whatever offsets are asked for. */
export const rowsOf = (batch: Uint8Array): ReadonlyArray<KeptRow> => {
  const known = openBatches.get(batch)
  if (known !== undefined) return known
  const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
  if ("_tag" in records) throw records
  const rows = records.map(({ key, offset, value }) => ({ offset, key: textOf(key), value: textOf(value) }))
  openBatches.set(batch, rows)
  return rows
}
