/** What a Fetch answers, as records: pure. Source: KIP-98 for aborted transactions. */
import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { FetchResponsePartitionData } from "@tusk/protocol/messages/Fetch"
import { readMessageSet } from "@tusk/protocol/record/MessageSet"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"

/** Records of one partition, and where to read on. */
export interface FetchedRecords {
  readonly records: ReadonlyArray<DecodedRecord>
  readonly nextOffset: bigint
}

/** Most bytes that a batch may become; what a broker takes is far below. */
const LIMITS = { maxDecompressedBytes: 512 * 1024 * 1024, maxRecords: 10_000_000 }

const EPOCH_AND_TYPE_BYTES = 4
const ABORT = 0

/** Whether the one record of a control batch ends a transaction without effect. */
const isAbort = (batch: Uint8Array): boolean => {
  const records = Batch.decodeRecords(batch, LIMITS)
  if (isKafkaError(records)) return false
  const key = records[0]?.key
  if (key === undefined || key === null || key.byteLength < EPOCH_AND_TYPE_BYTES) return false
  return new DataView(key.buffer, key.byteOffset).getInt16(2) === ABORT
}

/** Tells which batches no reader of committed records is given, asked in the order of the log: aborted ones, and markers. */
export class Hidden {
  readonly #coming: Array<{ readonly producerId: bigint; readonly firstOffset: bigint }>
  readonly #open = new Set<bigint>()

  constructor(listed: FetchResponsePartitionData["abortedTransactions"]) {
    this.#coming = (listed ?? []).toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  }

  hides(batch: Uint8Array): boolean {
    const last = Batch.lastOffset(batch)
    while (this.#coming.length > 0 && this.#coming[0]!.firstOffset <= last) {
      this.#open.add(this.#coming.shift()!.producerId)
    }
    const producerId = Batch.producerId(batch)
    if (Batch.isControl(batch)) {
      if (this.#open.has(producerId) && isAbort(batch)) this.#open.delete(producerId)
      return true
    }
    return Batch.isTransactional(batch) && this.#open.has(producerId)
  }
}

const recordsOf = (batch: Uint8Array, aborted: Hidden): ReadonlyArray<DecodedRecord> => {
  if (Batch.magic(batch) < 2) return thrown(readMessageSet(batch, LIMITS))
  if (!Batch.isCrcValid(batch))
    throw new RangeError(`the batch at offset ${Batch.baseOffset(batch)} has a wrong checksum`)
  return aborted.hides(batch) ? [] : thrown(Batch.decodeRecords(batch, LIMITS))
}

const thrown = <A>(answer: ReadonlyArray<A> | KafkaError): ReadonlyArray<A> => {
  if (isKafkaError(answer)) throw answer
  return answer
}

const endOf = (batch: Uint8Array): bigint =>
  Batch.magic(batch) < 2 ? Batch.baseOffset(batch) + 1n : Batch.lastOffset(batch) + 1n

/**
 * The records from an offset on, without control records, and without those of aborted transactions, which a broker lists
 * for read_committed alone. Throws for what is no record data.
 */
export const fetchedRecords = (fetched: FetchResponsePartitionData, fromOffset: bigint): FetchedRecords => {
  const aborted = new Hidden(fetched.abortedTransactions)
  const records: Array<DecodedRecord> = []
  let nextOffset = fromOffset
  for (const chunk of fetched.records ?? []) {
    for (const batch of thrown(Batch.splitBatches(chunk, { partialTail: "drop" }))) {
      for (const record of recordsOf(batch, aborted)) {
        // A batch is given whole, also if the offset lies in its middle.
        if (record.offset >= fromOffset) records.push(record)
      }
      const end = endOf(batch)
      if (end > nextOffset) nextOffset = end
    }
  }
  return { records, nextOffset }
}
