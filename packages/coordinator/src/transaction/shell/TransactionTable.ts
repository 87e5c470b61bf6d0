import { makeAssumed } from "@tusk/storage/commit/Assumed"
import type { Change } from "@tusk/storage/commit/Assumed"
import type { Offsets } from "@tusk/storage/offsets/Offsets"
import type { TransactionState } from "../machine/TransactionState.ts"

/** Transactional ids in memory: all of them, as there is no other way to know that one is not there. */
export class TransactionTable {
  readonly #offsets: Pick<Offsets["Service"], "pend">
  readonly #assumed = makeAssumed<string, TransactionState | undefined>()
  #states = new Map<string, TransactionState>()

  constructor(offsets: Pick<Offsets["Service"], "pend">) {
    this.#offsets = offsets
  }

  get size(): number {
    return this.#states.size
  }
  get(transactionalId: string): TransactionState | undefined {
    return this.#states.get(transactionalId)
  }
  all(): IterableIterator<[string, TransactionState]> {
    return this.#states.entries()
  }

  /** As the commit that is put together will have it. */
  next(transactionalId: string): TransactionState | undefined {
    const change = this.#assumed.get(transactionalId)
    return change === undefined ? this.#states.get(transactionalId) : change.value
  }
  /** Whether `next` is what a commit makes of it, and not yet what is stored. */
  isChanging(transactionalId: string): boolean {
    return this.#assumed.get(transactionalId) !== undefined
  }
  assume(transactionalId: string, state: TransactionState | undefined): Change {
    return this.#assumed.set(transactionalId, state)
  }

  /** It is stored. */
  set(transactionalId: string, state: TransactionState | undefined): void {
    this.#pend(this.#states.get(transactionalId), -1)
    this.#pend(state, 1)
    if (state === undefined) this.#states.delete(transactionalId)
    else this.#states.set(transactionalId, state)
  }

  /** All that is stored, in a new reign. */
  load(states: ReadonlyMap<string, TransactionState>): void {
    this.#assumed.clear()
    this.#states = new Map(states)
    for (const state of states.values()) this.#pend(state, 1)
  }

  #pend(state: TransactionState | undefined, by: 1 | -1): void {
    if (state === undefined || state.groups.size === 0) return
    for (const [groupId, offsets] of state.groups) this.#offsets.pend(groupId, offsets.keys(), by)
  }
}
