import type { Asked } from "./LogHistory.ts"

/** What became of a transaction, as far as its producer knows. */
export type Fate = "open" | "committed" | "aborted" | "unknown"

interface Transaction {
  readonly transactionalId: string
  /** In which transactions of an id began. */
  readonly order: number
  readonly values: Set<string>
  hasOffsets: boolean
  fate: Fate
  /** When its end was first asked for. */
  endedMs: number
  /** A value of it that a reader of committed records was given. */
  seen: string | undefined
}

interface Start {
  readonly instance: string
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly nowMs: number
}

/** A later one has a greater id, or the same and a greater epoch: answers may come in another order. */
const isLater = (a: Start, b: Start | undefined): boolean =>
  b === undefined || a.producerId > b.producerId || (a.producerId === b.producerId && a.producerEpoch > b.producerEpoch)

type Violate = (invariant: string, text: string) => void

/** What transactional producers did, and what readers of committed records were given. */
export class TransactionHistory {
  readonly #violate: Violate
  readonly #transactions = new Map<string, Transaction>()
  readonly #ofValue = new Map<string, string>()
  /** By transactional id: the instance that was the last to begin. */
  readonly #starts = new Map<string, Start>()
  readonly #stable = new Map<number, number>()
  /** When a failover last lost something. */
  #lostMs = -1
  #order = 0

  constructor(violate: Violate) {
    this.#violate = violate
  }

  // ---- producers

  /** An instance was given its producer id and epoch. */
  starts(transactionalId: string, start: Start): void {
    if (isLater(start, this.#starts.get(transactionalId))) this.#starts.set(transactionalId, start)
  }

  begins(transactionalId: string, name: string): void {
    const nothing = {
      values: new Set<string>(),
      hasOffsets: false,
      fate: "open" as const,
      endedMs: -1,
      seen: undefined
    }
    this.#transactions.set(name, { transactionalId, order: this.#order++, ...nothing })
  }

  sends(name: string, value: string): void {
    this.#transactions.get(name)!.values.add(value)
    this.#ofValue.set(value, name)
  }

  sendsOffsets(name: string): void {
    this.#transactions.get(name)!.hasOffsets = true
  }

  /** Something that the instance asked for was done. */
  taken(name: string, instance: string, sentMs: number, what: string): void {
    const { transactionalId } = this.#transactions.get(name)!
    const start = this.#starts.get(transactionalId)
    if (start === undefined || start.instance === instance || start.nowMs >= sentMs) return
    if (this.#lostMs >= start.nowMs) return
    this.#violate("T4", `${what} of ${instance} is taken, though ${start.instance} began before as ${transactionalId}`)
  }

  ends(name: string, fate: Fate, sentMs: number): void {
    const transaction = this.#transactions.get(name)!
    transaction.fate = fate
    transaction.endedMs = sentMs
    if (fate === "aborted" && transaction.seen !== undefined) {
      this.#violate("T1", `${transaction.seen} was read as committed, and ${name} is aborted`)
    }
  }

  // ---- readers of committed records

  reads(value: string): void {
    const name = this.#ofValue.get(value)
    const transaction = name === undefined ? undefined : this.#transactions.get(name)
    if (transaction === undefined) return
    transaction.seen = value
    if (transaction.fate === "aborted") this.#violate("T1", `${value} is read as committed, and ${name} is aborted`)
  }

  /** What a reader that asked after all others were answered was told of a partition's end. */
  lastStableOffset(partition: number, offset: number, highWatermark: number, { isBehind, sentMs }: Asked): void {
    if (offset > highWatermark)
      this.#violate("T3", `partition ${partition} is stable up to ${offset}, beyond ${highWatermark}`)
    const before = this.#stable.get(partition) ?? 0
    if (sentMs <= this.#lostMs || isBehind) return
    if (offset < before) this.#violate("T3", `partition ${partition} was stable up to ${before}, now ${offset}`)
    this.#stable.set(partition, offset)
  }

  /** A failover has lost something. */
  forget(nowMs: number): void {
    this.#lostMs = nowMs
    this.#stable.clear()
  }

  // ---- at the end

  /** All that a reader of committed records finds. */
  finish(found: ReadonlyMap<string, number>, mayBeGone: (value: string) => boolean): void {
    for (const [value, times] of found) if (times > 1) this.#violate("T8", `${value} is there ${times} times`)
    for (const [name, { endedMs, fate, values: all }] of this.#transactions) {
      const there = Array.from(all).filter((value) => found.has(value))
      const values = new Set(Array.from(all).filter((value) => found.has(value) || !mayBeGone(value)))
      if (there.length > 0 && there.length < values.size) {
        this.#violate(
          "T2",
          `of ${name} (${fate}) ${there.join()} is there, and not all of ${Array.from(values).join()}`
        )
      }
      if (fate === "aborted" && there.length > 0)
        this.#violate("T1", `${there.join()} of ${name} is there, which is aborted`)
      if (fate === "committed" && there.length < values.size && endedMs > this.#lostMs) {
        this.#violate("T2", `${name} is committed, and not there`)
      }
    }
  }

  /** The offset that a group has at the end: the transaction that it is of, or null for none. */
  finishOffsets(transactionalId: string, name: string | null): void {
    const found = name === null ? undefined : this.#transactions.get(name)
    if (found?.fate === "aborted") this.#violate("T6", `the offset of ${name} is there, which is aborted`)
    for (const [each, { endedMs, fate, hasOffsets, order, transactionalId: id }] of this.#transactions) {
      if (id !== transactionalId || !hasOffsets || fate !== "committed" || endedMs <= this.#lostMs) continue
      if (order > (found?.order ?? -1))
        this.#violate("T6", `the offset of ${each} is committed, and that of ${name} there`)
    }
  }
}
