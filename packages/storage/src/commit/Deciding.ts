import type { Entry } from "./CommitQueue.ts"
import type { Unit, Write } from "../port/Write.ts"
import { Fenced, StoreRefused } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import { toKafkaError } from "../port/toKafkaError.ts"

/** Calls what participants do in a commit, all in the caller's turn. A defect in one of them is told, and harms no other. */
export class Deciding {
  /** Is told of defects. */
  readonly #log: (defect: unknown) => void

  constructor(log: (defect: unknown) => void) {
    this.#log = log
  }

  /** Decides one unit. Its writes if it is part of the commit, else undefined: it has its answer. */
  readonly assemble = (entry: Entry): Unit | undefined => {
    const writes: Array<Write> = []
    try {
      const verdict = entry.participant.assemble(writes)
      entry.refusal = undefined
      if (verdict === "Stored") return writes
      if (verdict === "Told") {
        entry.tell(undefined)
        return undefined
      }
      // What it was refused for may be a thing of this very commit: it is told when that is stored.
      this.retract(entry)
      entry.refusal = verdict
      return []
    } catch (cause) {
      this.#log(cause)
      this.retract(entry)
      this.settle(entry, new StoreRefused({ message: "a decision could not be made", cause }))
      return undefined
    }
  }

  readonly retract = ({ participant }: Entry): void => {
    try {
      participant.retract()
    } catch (defect) {
      this.#log(defect)
    }
  }

  /** Takes back what was assumed, the last first, so that each finds the state it left. */
  retractAll(entries: ReadonlyArray<Entry>): void {
    for (let i = entries.length - 1; i >= 0; i--) this.retract(entries[i]!)
  }

  /** The last of a unit: its service is told, then its caller. */
  settle(entry: Entry, error: StoreError | undefined): void {
    let outcome = error === undefined ? entry.refusal : toKafkaError(error)
    if (entry.refusal === undefined || error !== undefined) {
      try {
        entry.participant.settle(error)
      } catch (defect) {
        this.#log(defect)
        outcome ??= toKafkaError(new StoreRefused({ message: "a defect while a commit was settled", cause: defect }))
      }
    }
    entry.tell(outcome)
  }

  settleAll(entries: ReadonlyArray<Entry>, error: StoreError | undefined): void {
    for (const entry of entries) this.settle(entry, error)
  }
}

/** What a unit gets that this broker may not store. */
export const fenced = (): Fenced => new Fenced({ message: "this broker does not hold the cluster's lock" })
