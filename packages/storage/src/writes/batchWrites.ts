import type { WriteOf } from "../port/Write.ts"
import { storeAppends } from "./appends.ts"
import { storeReplacements } from "./replacements.ts"
import { int4, int8, over } from "./StatementWriter.ts"
import { FIXED_BYTES } from "./WriteDefinition.ts"
import type { WriteDefinition } from "./WriteDefinition.ts"

/** What a row takes that says where a batch lies, beside what every write takes. */
const POINTER_BYTES = 40

type Kinds = "Append" | "ReplaceBatches" | "DeleteBatches"
const partitionOf = ({ partitionId }: { readonly partitionId: number }): number => partitionId

/** The entries of `Writes.ts` for batches. */
export const batchWrites: { readonly [T in Kinds]: WriteDefinition<WriteOf<T>> } = {
  Append: {
    order: { after: partitionOf },
    takes: [],
    bytes: ({ records, stored }) => (stored === undefined ? records.byteLength : POINTER_BYTES),
    store: storeAppends,
    conflict: (draft, write) => draft.append(write),
    apply: (data, write) => {
      const partition = data.partitions.get(write.partitionId)!
      partition.endOffset = write.lastOffset + 1n
      partition.timestampHigh = write.timestampHigh
      partition.cumulativeBytes = write.cumulativeBytes
      partition.batches.push(data.keep(write))
    }
  },
  ReplaceBatches: {
    order: {},
    takes: ["batches"],
    bytes: ({ batches }) => {
      let bytes = 0
      for (const { records, stored } of batches) {
        bytes += FIXED_BYTES + (stored === undefined ? (records?.byteLength ?? 0) : POINTER_BYTES)
      }
      return bytes
    },
    store: storeReplacements,
    apply: (data, { batches, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined) data.replaceBatches(partition, batches)
    }
  },
  DeleteBatches: {
    // A step that is told twice is two steps.
    order: { after: partitionOf, deletes: partitionOf },
    takes: ["batches"],
    bytes: () => 0,
    store: over(
      "DeleteBatches",
      int4(partitionOf),
      int8((write) => write.below),
      int4((write) => write.limit)
    ),
    apply: (data, { below, limit, partitionId }) => {
      const partition = data.partitions.get(partitionId)
      if (partition !== undefined) data.deleteBatches(partition, below, limit)
    }
  }
}
