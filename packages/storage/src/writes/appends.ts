import type { Append, StoredAt } from "../port/Write.ts"
import type { StatementWriter } from "./StatementWriter.ts"

/**
 * Appends are spread over statements of about this many bytes. A large array costs the server a zeroed page of memory
 * for each page of it, at each commit: one statement of 8 MiB took twice the CPU (758 against 410 µs a 128 KiB batch).
 */
const MAX_STATEMENT_BYTES = 192 * 1024

/** A batch so large goes into a statement of its own. */
const ALONE_BYTES = 32 * 1024

// Column by column, here and for offsets, and not `over` a list of columns: that took up to 10% more CPU a commit.
const appendTogether = (out: StatementWriter, batches: ReadonlyArray<Append>): void =>
  out.run("Append", 11, () => {
    out.int4s(batches, (batch) => batch.partitionId)
    out.int4s(batches, (batch) => batch.leaderEpoch)
    out.int8s(batches, (batch) => batch.baseOffset)
    out.int8s(batches, (batch) => batch.lastOffset)
    out.int8s(batches, (batch) => batch.maxTimestamp)
    out.int8s(batches, (batch) => batch.timestampHigh)
    out.int8s(batches, (batch) => batch.cumulativeBytes)
    out.int8s(batches, (batch) => batch.producerId)
    out.int4s(batches, (batch) => batch.baseSequence)
    out.int4s(batches, (batch) => batch.producerEpoch)
    out.byteas(batches, (batch) => batch.records)
  })

const appendAlone = (out: StatementWriter, batch: Append): void =>
  out.run("AppendOne", 11, () => {
    out.int4(batch.partitionId)
    out.int4(batch.leaderEpoch)
    out.int8(batch.baseOffset)
    out.int8(batch.lastOffset)
    out.int8(batch.maxTimestamp)
    out.int8(batch.timestampHigh)
    out.int8(batch.cumulativeBytes)
    out.int8(batch.producerId)
    out.int4(batch.baseSequence)
    out.int4(batch.producerEpoch)
    out.bytea(batch.records)
  })

type Pointer = Append & { readonly stored: StoredAt }

const appendPointers = (out: StatementWriter, batches: ReadonlyArray<Pointer>): void =>
  out.copy("AppendPointers", 13, batches, (batch) => {
    out.int4(batch.partitionId)
    out.int4(batch.leaderEpoch)
    out.int8(batch.baseOffset)
    out.int8(batch.lastOffset)
    out.int8(batch.maxTimestamp)
    out.int8(batch.timestampHigh)
    out.int8(batch.cumulativeBytes)
    out.int8(batch.producerId)
    out.int4(batch.baseSequence)
    out.int2(batch.producerEpoch)
    out.int8(batch.stored.objectId)
    out.int8(BigInt(batch.stored.position))
    out.int4(batch.records.byteLength)
  })

const isPointer = (batch: Append): batch is Pointer => batch.stored !== undefined

/**
 * Writes the statements of appends: small batches together, large ones alone. One row costs least without arrays. Those whose
 * bytes lie in objects are small, all of them: to copy them costs the server a quarter less than arrays do, and of the commit's
 * WAL an eighth less. Batches with their bytes are not copied: from 32 KiB on it costs more, below hardly less.
 */
export const storeAppends = (out: StatementWriter, batches: ReadonlyArray<Append>): void => {
  let pointers: Array<Pointer> | undefined
  let together: Array<Append> = []
  let bytes = 0
  const flush = () => {
    if (together.length === 1) appendAlone(out, together[0]!)
    else if (together.length > 1) appendTogether(out, together)
    together = []
    bytes = 0
  }
  for (const batch of batches) {
    if (isPointer(batch)) {
      if (pointers === undefined) pointers = [batch]
      else pointers.push(batch)
      continue
    }
    const size = batch.records.byteLength
    if (size >= ALONE_BYTES) {
      appendAlone(out, batch)
      continue
    }
    if (bytes + size > MAX_STATEMENT_BYTES) flush()
    together.push(batch)
    bytes += size
  }
  flush()
  if (pointers !== undefined) appendPointers(out, pointers)
}
