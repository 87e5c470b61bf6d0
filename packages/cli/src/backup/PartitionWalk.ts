import {
  advanceSequence,
  baseOffset,
  baseSequence,
  isControl,
  isCrcValid,
  isTransactional,
  lastOffset,
  magic,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
  RECORD_BATCH_OVERHEAD,
  sizeInBytes
} from "@tusk/protocol/record/RecordBatch"
import type { Place, Report } from "./Damage.ts"

/** A partition as its row has it. */
export interface PartitionRow {
  readonly partitionId: number
  readonly topic: string
  readonly index: number
  readonly logStart: bigint
  readonly endFloor: bigint
  /** Compaction takes batches from its midst, and bytes from batches. */
  readonly isCompacted: boolean
}

/** A batch as its row has it, without its bytes. */
export interface BatchRow {
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly maxTimestamp: bigint
  readonly timestampHigh: bigint
  readonly cumulativeBytes: bigint
  readonly leaderEpoch: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  /** Of its bytes. */
  readonly size: number
  /** Whether the row has the bytes. */
  readonly hasData: boolean
  /** Where they lie if it has not. */
  readonly object: BatchObject | undefined
}

/** Where the bytes of a batch lie, and what `kafka.objects` knows of the object. */
export interface BatchObject {
  readonly id: bigint
  readonly position: bigint
  /** Null, as `bytes`: no object of this id is known. */
  readonly name: string | null
  readonly bytes: bigint | null
  readonly isUnused: boolean
}

/** Producers whose sequences are followed at a time. */
const MOST_PRODUCERS = 100_000

/** From the first batch of a partition to its last: what does not fit is taken down. Pure but for its report. */
export class PartitionWalk {
  readonly #partition: PartitionRow
  readonly #report: Report
  #before: BatchRow | undefined
  readonly #sequences = new Map<bigint, { readonly epoch: number; readonly last: number }>()
  /** First offsets of transactions that no marker has ended, by producer. */
  readonly open = new Map<bigint, bigint>()
  /** The same of batches whose bytes would have to say whether they are of a transaction. */
  readonly perhapsOpen = new Map<bigint, bigint>()
  maxProducerId = -1n
  maxLeaderEpoch = -1

  constructor(partition: PartitionRow, report: Report) {
    this.#partition = partition
    this.#report = report
  }

  /** The offset that the next record would get. */
  get endOffset(): bigint {
    const { endFloor } = this.#partition
    const next = this.#before === undefined ? 0n : this.#before.lastOffset + 1n
    return next > endFloor ? next : endFloor
  }

  place(offset: bigint | null): Place {
    return { topic: this.#partition.topic, partition: this.#partition.index, offset }
  }

  /** The next row. */
  row(row: BatchRow): void {
    this.#report.batches++
    this.#dense(row)
    this.#rising(row)
    if (row.producerId >= 0n && !this.#partition.isCompacted) this.#inSequence(row)
    if (!row.hasData) this.#elsewhere(row)
    if (row.producerId > this.maxProducerId) this.maxProducerId = row.producerId
    if (row.leaderEpoch > this.maxLeaderEpoch) this.maxLeaderEpoch = row.leaderEpoch
    this.#before = row
  }

  /** The bytes of a row. */
  data(row: BatchRow, bytes: Uint8Array): void {
    this.#report.bytes += bytes.byteLength
    const wrong = contradiction(row, bytes)
    if (wrong !== undefined) return this.#report.add("error", "checksums", wrong, this.place(row.baseOffset))
    if (!isTransactional(bytes)) return
    if (isControl(bytes)) {
      this.open.delete(row.producerId)
      this.perhapsOpen.delete(row.producerId)
    } else if (!this.open.has(row.producerId)) this.open.set(row.producerId, row.baseOffset)
  }

  /** There are no further rows. */
  end(): void {
    const { endFloor, isCompacted, logStart } = this.#partition
    this.#report.partitions++
    const next = this.#before === undefined ? undefined : this.#before.lastOffset + 1n
    if (logStart > this.endOffset) {
      this.#error("batches", `the log starts at ${logStart}, and ends at ${this.endOffset}`, this.endOffset)
    }
    const from = next === undefined || next < logStart ? logStart : next
    if (endFloor > from && !isCompacted) this.#error("batches", `offsets ${from} to ${endFloor - 1n} are missing`, from)
  }

  #error(check: string, seen: string, offset: bigint): void {
    this.#report.add("error", check, seen, this.place(offset))
  }

  #elsewhere({ baseOffset: base, object, producerId: id, size }: BatchRow): void {
    const tell = (seen: string) => this.#error("objects", seen, base)
    if (object === undefined) return tell("the row has no bytes, and names no object")
    this.#report.objectBatches++
    this.#report.objectBytes += size
    if (id >= 0n && !this.perhapsOpen.has(id)) this.perhapsOpen.set(id, base)
    const { bytes, isUnused, name, position } = object
    if (name === null || bytes === null)
      return tell(`the batch lies in object ${object.id}, which kafka.objects does not know`)
    if (size < RECORD_BATCH_OVERHEAD) tell(`a batch of ${size} bytes is none`)
    if (position < 0n || position + BigInt(size) > bytes) {
      tell(`bytes ${position} to ${position + BigInt(size)} of an object of ${bytes}: ${name}`)
    }
    if (isUnused) tell(`the batch lies in an object that is to be deleted as unused: ${name}`)
  }

  #dense({ baseOffset: base, lastOffset: last }: BatchRow): void {
    const { isCompacted, logStart } = this.#partition
    if (last < base) this.#error("batches", `a batch from ${base} to ${last}`, base)
    const due = this.#before === undefined ? logStart : this.#before.lastOffset + 1n
    if (base > due && !isCompacted) this.#error("batches", `offsets ${due} to ${base - 1n} are missing`, due)
    if (this.#before !== undefined && base < due)
      this.#error("batches", `offsets ${base} to ${due - 1n} are there twice`, base)
  }

  #rising(row: BatchRow): void {
    const before = this.#before
    const { isCompacted } = this.#partition
    if (row.timestampHigh < row.maxTimestamp) {
      const seen = `timestamp_high ${row.timestampHigh} is below the batch's own latest time ${row.maxTimestamp}`
      this.#error("batches", seen, row.baseOffset)
    }
    if (before === undefined) return
    if (row.timestampHigh < before.timestampHigh) this.#error("batches", "timestamp_high falls", row.baseOffset)
    if (row.leaderEpoch < before.leaderEpoch) this.#error("batches", "the leader epoch falls", row.baseOffset)
    const isNext = row.baseOffset === before.lastOffset + 1n
    // A batch is smaller by the records that kafka.erase took from it.
    if (isNext && !isCompacted && row.cumulativeBytes - before.cumulativeBytes < BigInt(row.size)) {
      const grown = row.cumulativeBytes - before.cumulativeBytes
      this.#error("batches", `cumulative_bytes grows by ${grown} for a batch of ${row.size} bytes`, row.baseOffset)
    }
  }

  #inSequence({
    baseOffset: base,
    baseSequence: first,
    lastOffset: last,
    producerEpoch: epoch,
    producerId: id
  }: BatchRow): void {
    const known = this.#sequences.get(id)
    const tell = (seen: string) => this.#report.add("warning", "producers", `producer ${id}: ${seen}`, this.place(base))
    if (known !== undefined && epoch < known.epoch) tell(`epoch ${epoch} behind epoch ${known.epoch}`)
    // A marker has no sequence.
    if (first < 0) return
    if (known !== undefined && epoch === known.epoch && first !== advanceSequence(known.last, 1)) {
      tell(`sequence ${first} behind ${known.last}`)
    }
    if (known === undefined && this.#sequences.size >= MOST_PRODUCERS) return
    this.#sequences.set(id, { epoch, last: advanceSequence(first, Number(last - base)) })
  }
}

/** What the bytes of a batch say against themselves, or against its row. */
const contradiction = (row: BatchRow, bytes: Uint8Array): string | undefined => {
  if (bytes.byteLength < RECORD_BATCH_OVERHEAD) return `a batch of ${bytes.byteLength} bytes is none`
  if (magic(bytes) !== 2) return `a batch of magic ${magic(bytes)}`
  if (sizeInBytes(bytes) !== bytes.byteLength) return `a batch of ${sizeInBytes(bytes)} bytes has ${bytes.byteLength}`
  if (!isCrcValid(bytes)) return "the batch's bytes do not fit its CRC-32C"
  const pairs: ReadonlyArray<readonly [name: string, inRow: bigint | number, inBytes: bigint | number]> = [
    ["base_offset", row.baseOffset, baseOffset(bytes)],
    ["last_offset", row.lastOffset, lastOffset(bytes)],
    ["leader_epoch", row.leaderEpoch, partitionLeaderEpoch(bytes)],
    ["producer_id", row.producerId, producerId(bytes)],
    ["producer_epoch", row.producerEpoch, producerEpoch(bytes)],
    ["base_sequence", row.baseSequence, baseSequence(bytes)]
  ]
  const other = pairs.find(([, inRow, inBytes]) => inRow !== inBytes)
  return other === undefined ? undefined : `${other[0]} is ${other[1]} in the row and ${other[2]} in the batch`
}
