import { Write } from "@tusk/storage/port/Write"
import type { Append } from "@tusk/storage/port/Write"

/** Bytes that do not compress. */
const noise = (seed: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  let state = seed
  for (let at = 0; at + 4 <= size; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes.writeInt32LE(state, at)
  }
  return bytes
}

const pool = Array.from({ length: 64 }, (_, i) => noise(i + 1, 1024 * 1024))

/** What producers append, in the order of offsets, for ever: partition by partition in turn. */
export class Appends {
  private readonly next: Array<bigint>
  private readonly bytes: number
  private readonly partitions: number
  /** Ids of partitions are 1 to `partitions`; `from` is where their offsets begin. */
  constructor(bytes: number, partitions: number, from = 0n) {
    this.bytes = bytes
    this.partitions = partitions
    this.next = new Array<bigint>(partitions + 1).fill(from)
  }

  take(count: number): ReadonlyArray<Append> {
    return Array.from({ length: count }, (_, i) => {
      const partitionId = 1 + (i % this.partitions)
      const baseOffset = this.next[partitionId]!
      this.next[partitionId] = baseOffset + 10n
      return Write.Append({
        partitionId,
        baseOffset,
        lastOffset: baseOffset + 9n,
        leaderEpoch: 1,
        maxTimestamp: 1_700_000_000_000n,
        timestampHigh: 1_700_000_000_000n,
        cumulativeBytes: baseOffset * 100n,
        producerId: -1n,
        producerEpoch: -1,
        baseSequence: -1,
        records: pool[i % pool.length]!.subarray(0, this.bytes)
      })
    })
  }
}
