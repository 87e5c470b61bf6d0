import type { StoredPartition } from "../../port/StateLoader.ts"
import type { PartitionLog } from "./PartitionLog.ts"

/**
 * Where each partition ended, as this process told it in reigns before this one. No offset is given to two records: an end
 * is never below what was told, whatever the store has.
 */
export class ToldEnds {
  readonly #ends = new Map<number, bigint>()
  readonly #failoverLeap: bigint

  constructor(failoverLeap: number) {
    this.#failoverLeap = BigInt(failoverLeap)
  }

  note({ committed, partitionId }: PartitionLog): void {
    if (committed.endOffset > (this.#ends.get(partitionId) ?? 0n)) this.#ends.set(partitionId, committed.endOffset)
  }

  forget(partitionId: number): void {
    this.#ends.delete(partitionId)
  }

  /** Where a partition has to end before anything is told of it. */
  endFor({ endOffset, failoverEpoch, partitionId }: StoredPartition, currentFailoverEpoch: number): bigint {
    const told = this.#ends.get(partitionId) ?? 0n
    const leapt = failoverEpoch < currentFailoverEpoch ? endOffset + this.#failoverLeap : endOffset
    return told > leapt ? told : leapt
  }
}
