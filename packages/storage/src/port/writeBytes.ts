import type { Unit, Write } from "./Write.ts"

/** What a write takes beside its texts and bytes, about. */
const FIXED_BYTES = 64

/** Bytes that a write asks the backend to store, about: exact where they are many. */
const bytesOf = (write: Write): number => {
  switch (write._tag) {
    case "Append":
      return write.records.byteLength
    case "ReplaceBatches": {
      let bytes = 0
      for (const { records } of write.batches) bytes += FIXED_BYTES + (records?.byteLength ?? 0)
      return bytes
    }
    case "PutProducerSnapshot":
      return write.value.byteLength
    case "PutGroup":
      return write.groupId.length + write.value.length
    case "PutGroupMember":
      return write.groupId.length + write.memberId.length + write.value.length
    case "PutOffset":
      return write.groupId.length + (write.metadata?.length ?? 0)
    case "PutConfig":
      return write.resourceName.length + write.name.length + (write.value?.length ?? 0)
    default:
      return 0
  }
}

/** Of a whole unit. */
export const unitBytes = (unit: Unit): number => {
  let bytes = 0
  for (const write of unit) bytes += FIXED_BYTES + bytesOf(write)
  return bytes
}
