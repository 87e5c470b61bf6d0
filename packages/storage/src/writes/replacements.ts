import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { StoredAt, WriteOf } from "../port/Write.ts"
import { bytea, int4, int8, over } from "./StatementWriter.ts"
import type { StatementWriter } from "./StatementWriter.ts"

interface Replaced {
  readonly partitionId: number
  readonly baseOffset: bigint
}

interface InRow extends Replaced {
  readonly records: Uint8Array
}

interface InObject extends InRow {
  readonly stored: StoredAt
}

const removeBatches = over<Replaced>(
  "RemoveBatches",
  int4((batch) => batch.partitionId),
  int8((batch) => batch.baseOffset)
)

const replaceBatches = over<InRow>(
  "ReplaceBatches",
  int4((batch) => batch.partitionId),
  int8((batch) => batch.baseOffset),
  int8((batch) => RecordBatch.maxTimestamp(batch.records)),
  bytea((batch) => batch.records)
)

const replacePointers = over<InObject>(
  "ReplacePointers",
  int4((batch) => batch.partitionId),
  int8((batch) => batch.baseOffset),
  int8((batch) => RecordBatch.maxTimestamp(batch.records)),
  int8((batch) => batch.stored.objectId),
  int8((batch) => BigInt(batch.stored.position)),
  int4((batch) => batch.records.byteLength)
)

/** Gives batches new records, in the row or in an object, and deletes those that have none any more. */
export const storeReplacements = (out: StatementWriter, writes: ReadonlyArray<WriteOf<"ReplaceBatches">>): void => {
  const gone: Array<Replaced> = []
  const inRows: Array<InRow> = []
  const inObjects: Array<InObject> = []
  for (const { batches, partitionId } of writes) {
    for (const { baseOffset, records, stored } of batches) {
      if (records === null) gone.push({ partitionId, baseOffset })
      else if (stored === undefined) inRows.push({ partitionId, baseOffset, records })
      else inObjects.push({ partitionId, baseOffset, records, stored })
    }
  }
  removeBatches(out, gone)
  replaceBatches(out, inRows)
  replacePointers(out, inObjects)
}
