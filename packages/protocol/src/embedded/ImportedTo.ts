/**
 * What marks a batch of a Produce as imported: a tagged field of its partition, Tusk's own, that no client sends and that
 * Kafka, by KIP-482, passes over. Version 9 of Produce is the first with tagged fields.
 */
import type { UnknownTags } from "../codec/Declare.ts"

/** Far from those that Kafka gives out one by one. */
const TAG = 10_000

/** The first version of Produce that can say it. */
export const IMPORTED_SINCE = 9

/**
 * The mark: the batches keep their base offsets, and where they come from nothing lies between `offset` and the first, nor
 * between them.
 *
 * @example
 * import { importedTo, taggedImportedTo } from "@tusk/protocol/embedded/ImportedTo"
 *
 * importedTo(taggedImportedTo(5000n)) // 5000n
 * importedTo({}) // undefined
 */
export const taggedImportedTo = (offset: bigint): Required<UnknownTags> => {
  const data = new Uint8Array(8)
  new DataView(data.buffer).setBigInt64(0, offset)
  return { unknownTaggedFields: [{ tag: TAG, data }] }
}

/** The offset of the mark; undefined: the batch is produced, as any other. */
export const importedTo = ({ unknownTaggedFields }: UnknownTags): bigint | undefined => {
  const data = unknownTaggedFields?.find(({ tag }) => tag === TAG)?.data
  if (data?.byteLength !== 8) return undefined
  const offset = new DataView(data.buffer, data.byteOffset, 8).getBigInt64(0)
  return offset < 0n ? undefined : offset
}
