/** What a Fetch answers, as batches to import: pure. Aborted batches, markers and what compaction left empty become gaps. */
import { Hidden } from "@tusk/client/consume/FetchedRecords"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { FetchResponsePartitionData } from "@tusk/protocol/messages/Fetch"
import { OLD_ATTRIBUTES_AT, readMessageSet } from "@tusk/protocol/record/MessageSet"
import * as Batch from "@tusk/protocol/record/RecordBatch"

/** Batches that can be imported, one behind the other, and where to read on. */
export interface Imported {
  readonly batches: ReadonlyArray<Uint8Array>
  /** Nothing that consumers see lies between the last of the batches and here. */
  readonly next: bigint
  /** The epoch in which the last of it was written; -1 if that is not known. */
  readonly epoch: number
}

/** What a broker takes is far below. */
const LIMITS = { maxDecompressedBytes: 512 * 1024 * 1024, maxRecords: 10_000_000 }

const lastOffset = (batch: Uint8Array): bigint =>
  Batch.magic(batch) < 2 ? Batch.baseOffset(batch) : Batch.lastOffset(batch)

/** A batch without its producer, in a buffer of its own. */
const nobodys = (batch: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(batch)
  if (Batch.producerId(copy) !== -1n || Batch.isTransactional(copy)) Batch.clearProducer(copy)
  return copy
}

/** Messages of brokers before 0.11, as one batch of the same records at the same offsets. */
const modern = (messages: ReadonlyArray<Uint8Array>, from: bigint): Uint8Array | undefined => {
  const records = thrown(readMessageSet(Buffer.concat(messages), LIMITS)).filter(({ offset }) => offset >= from)
  if (records.length === 0) return undefined
  const compression = messages[0]![OLD_ATTRIBUTES_AT]! & Batch.CODEC_MASK
  return Batch.encodeBatch(records, { offsets: "kept", compression })
}

const thrown = <A>(answer: A | KafkaError): A => {
  if (isKafkaError(answer)) throw new RangeError(answer.message)
  return answer
}

/** Puts them together. */
class Collecting {
  readonly batches: Array<Uint8Array> = []
  next: bigint
  epoch = -1
  #end: bigint
  #old: Array<Uint8Array> = []

  constructor(from: bigint, behind: bigint) {
    this.next = from
    this.#end = behind
  }

  add(batch: Uint8Array, hidden: Hidden): void {
    const last = lastOffset(batch)
    // A broker gives the batch whole that holds the offset asked for, or ends before it where that was compacted away.
    if (last < this.next) return
    if (Batch.magic(batch) < 2) {
      this.#old.push(batch)
      return
    }
    this.flush()
    if (!Batch.isCrcValid(batch))
      throw new RangeError(`the batch at offset ${Batch.baseOffset(batch)} has a wrong checksum`)
    if (!hidden.hides(batch) && Batch.recordCount(batch) > 0) this.#keep(nobodys(batch))
    this.next = last + 1n
    this.epoch = Batch.partitionLeaderEpoch(batch)
  }

  /** Messages that lie one behind the other become one batch. */
  flush(): void {
    if (this.#old.length === 0) return
    const made = modern(this.#old, this.next)
    const end = lastOffset(this.#old.at(-1)!) + 1n
    if (made !== undefined) this.#keep(made)
    this.next = end
    this.#old = []
  }

  #keep(batch: Uint8Array): void {
    const base = Batch.baseOffset(batch)
    if (base < this.#end) throw new RangeError(`offset ${this.#end} lies within the batch at ${base}`)
    this.batches.push(batch)
    this.#end = Batch.lastOffset(batch) + 1n
  }
}

/**
 * The batches of an answer to a read_committed Fetch at `from`, where the target ends at `behind`, which is `from` or lies
 * before it: a log may start within a batch. Throws a RangeError for what is no record data, and for a batch with records
 * that begins before `behind`.
 */
export const fetchedBatches = (fetched: FetchResponsePartitionData, from: bigint, behind: bigint): Imported => {
  const hidden = new Hidden(fetched.abortedTransactions)
  const found = new Collecting(from, behind)
  for (const chunk of fetched.records ?? []) {
    for (const batch of thrown(Batch.splitBatches(chunk, { partialTail: "drop" }))) found.add(batch, hidden)
  }
  found.flush()
  return found
}

/** Offsets that one batch can span: the delta of its last one is an int32. */
const MOST_OFFSETS = 1n << 31n

/** Batches without records from one offset up to another: the end of a log whose last offsets nobody sees. */
export const fillers = (from: bigint, to: bigint): ReadonlyArray<Uint8Array> => {
  const made: Array<Uint8Array> = []
  for (let at = from; at < to; at += MOST_OFFSETS) {
    const end = to - at < MOST_OFFSETS ? to : at + MOST_OFFSETS
    made.push(Batch.encodeBatch([], { baseOffset: at, lastOffset: end - 1n }))
  }
  return made
}

/** The same batches, with a filler in each gap, from `behind` on: a log that is not compacted lacks no offset. */
export const filledUp = (batches: ReadonlyArray<Uint8Array>, behind: bigint): ReadonlyArray<Uint8Array> => {
  let at = behind
  return batches.flatMap((batch) => {
    const gap = fillers(at, Batch.baseOffset(batch))
    at = Batch.lastOffset(batch) + 1n
    return [...gap, batch]
  })
}
