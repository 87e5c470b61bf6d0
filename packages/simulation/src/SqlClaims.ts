/** What a group has of a partition: who holds the claim may commit. */
export interface ClaimRow {
  readonly claim: number
  readonly offset: number
  /** What its workers made of the records, in the order in which they did: rows of an application. */
  readonly effects: ReadonlyArray<string>
}

const NOTHING: ClaimRow = { claim: 0, offset: 0, effects: [] }

/** `kafka.claim` and `kafka.commit_offsets` of one server, with the locks that transactions hold. */
export class SqlClaims {
  readonly rows: Map<number, ClaimRow>
  readonly #locks = new Map<number, string>()

  constructor(rows: ReadonlyMap<number, ClaimRow> = new Map()) {
    this.rows = new Map(rows)
  }

  /** Whether the transaction has the partition's lock now. */
  lock(partition: number, owner: string): boolean {
    const holder = this.#locks.get(partition) ?? owner
    if (holder !== owner) return false
    this.#locks.set(partition, owner)
    return true
  }

  unlock(partition: number): void {
    this.#locks.delete(partition)
  }

  newest(partition: number): ClaimRow {
    return this.rows.get(partition) ?? NOTHING
  }
}
