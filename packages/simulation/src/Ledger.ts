import type { Unit } from "@tusk/storage/port/Write"

/** What is given once in the life of a cluster, whichever server it is on and whatever that has lost (E3). */
export class Ledger {
  #epoch = 0
  /** By partition id, and what each was given to. */
  readonly #partitions = new Map<number, string>()
  readonly #violate: (invariant: string, text: string) => void

  constructor(violate: (invariant: string, text: string) => void) {
    this.#violate = violate
  }

  /** A broker was given an epoch. */
  begins(broker: string, epoch: number): void {
    if (epoch <= this.#epoch) this.#violate("E3", `${broker} is given epoch ${epoch}, behind ${this.#epoch}`)
    this.#epoch = Math.max(this.#epoch, epoch)
  }

  commits(units: ReadonlyArray<Unit>): void {
    for (const unit of units) {
      for (const write of unit) {
        if (write._tag !== "PutPartition") continue
        const owner = `${write.topicId}/${write.index}`
        const before = this.#partitions.get(write.partitionId) ?? owner
        this.#partitions.set(write.partitionId, owner)
        if (before !== owner)
          this.#violate("E3", `partition id ${write.partitionId} is given to ${before} and ${owner}`)
      }
    }
  }
}
