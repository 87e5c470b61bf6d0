import { firstEndingAt } from "../../firstEndingAt.ts"

/**
 * The newest batches of every partition, in memory, bounded in bytes over all of them: what consumers at the head are
 * served from. The oldest batch of all goes first.
 */
export interface Tail {
  readonly maxBytes: number
  bytes: number
  /** All partitions' batches in order of arrival; those before `first` are gone. */
  arrivals: Array<PartitionTail>
  first: number
}

export interface PartitionTail {
  readonly partitionId: number
  /** Every batch from this offset to the log's end is here. */
  from: bigint
  batches: Array<TailBatch>
  /** Batches before this index are gone. */
  first: number
}

export interface TailBatch {
  readonly lastOffset: bigint
  readonly records: Uint8Array
}

/** Told of a batch that goes because memory is short. */
export type Evicted = (partition: PartitionTail, batch: TailBatch) => void

export const makeTail = (maxBytes: number): Tail => ({ maxBytes, bytes: 0, arrivals: [], first: 0 })

/** The log of the partition ends at `endOffset`; nothing of it is in memory yet. */
export const makePartitionTail = (partitionId: number, endOffset: bigint): PartitionTail => ({
  partitionId,
  from: endOffset,
  batches: [],
  first: 0
})

/** A batch that is a smaller part of its buffer is copied out of it. */
const KEPT_SHARE = 6

/**
 * The batch in a buffer worth keeping: a small view on a large read buffer would keep all of that alive. A frame's own
 * buffer is mostly batches, which are kept together and go together, so most are left where they lie.
 */
export const retain = (records: Uint8Array): Uint8Array =>
  records.buffer.byteLength > KEPT_SHARE * records.byteLength + 1024 ? new Uint8Array(records) : records

/** A partition's newest batch. `evicted` is told of what goes for it. */
export const push = (
  tail: Tail,
  partition: PartitionTail,
  records: Uint8Array,
  lastOffset: bigint,
  evicted?: Evicted
): void => {
  partition.batches.push({ lastOffset, records })
  tail.arrivals.push(partition)
  tail.bytes += records.byteLength
  while (tail.bytes > tail.maxBytes && tail.first < tail.arrivals.length) {
    evict(tail, tail.arrivals[tail.first]!, evicted)
    tail.first++
  }
  if (tail.first > 4096 && tail.first * 2 > tail.arrivals.length) {
    tail.arrivals = tail.arrivals.slice(tail.first)
    tail.first = 0
  }
}

const GONE: TailBatch = { lastOffset: -1n, records: new Uint8Array(0) }

const evict = (tail: Tail, partition: PartitionTail, evicted: Evicted | undefined): void => {
  const batch = partition.batches[partition.first]
  // A dropped partition's arrivals find nothing left.
  if (batch === undefined) return
  tail.bytes -= batch.records.byteLength
  partition.from = batch.lastOffset + 1n
  // The list is shortened now and then only: what is gone must not be kept alive by it.
  partition.batches[partition.first++] = GONE
  evicted?.(partition, batch)
  if (partition.first > 64 && partition.first * 2 > partition.batches.length) {
    partition.batches = partition.batches.slice(partition.first)
    partition.first = 0
  }
}

/** Puts shorter batches, or none, in the place of some: by base offset, as `baseOffset` reads it of a batch. */
export const replace = (
  tail: Tail,
  partition: PartitionTail,
  replacements: ReadonlyMap<bigint, Uint8Array | null>,
  baseOffset: (records: Uint8Array) => bigint
): void => {
  const kept: Array<TailBatch> = []
  for (let i = partition.first; i < partition.batches.length; i++) {
    const batch = partition.batches[i]!
    const records = replacements.get(baseOffset(batch.records))
    if (records === undefined) kept.push(batch)
    else if (records !== null) kept.push({ lastOffset: batch.lastOffset, records })
    if (records !== undefined) tail.bytes += (records?.byteLength ?? 0) - batch.records.byteLength
  }
  partition.batches = kept
  partition.first = 0
}

/** Forgets a partition's batches, as when its topic is deleted. */
export const drop = (tail: Tail, partition: PartitionTail): void => {
  for (let i = partition.first; i < partition.batches.length; i++) {
    tail.bytes -= partition.batches[i]!.records.byteLength
  }
  partition.batches = []
  partition.first = 0
}

/** Batches from the one that holds `from` on, below `end`; undefined if `from` is older than what is in memory. */
export const readTail = (
  partition: PartitionTail,
  from: bigint,
  end: bigint,
  maxBytes: number,
  atLeastOne: boolean
): Array<Uint8Array> | undefined => {
  if (from < partition.from) return undefined
  const { batches } = partition
  const newest = batches[batches.length - 1]
  // Mostly all of it may be read.
  const stop = newest === undefined || newest.lastOffset < end ? batches.length : firstEndingAt(batches, end, partition.first)
  const found: Array<Uint8Array> = []
  let left = maxBytes
  for (let i = firstEndingAt(batches, from, partition.first); i < stop; i++) {
    const { records } = batches[i]!
    if (records.byteLength > left && !(atLeastOne && found.length === 0)) break
    found.push(records)
    left -= records.byteLength
    if (left <= 0) break
  }
  return found
}
