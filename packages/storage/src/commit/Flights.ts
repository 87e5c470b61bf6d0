import type { Beside, CommitQueue } from "./CommitQueue.ts"
import type { Participant } from "./Participant.ts"

/** A commit in flight, by what it touches. */
interface Flight extends Beside {
  readonly isPlain: boolean
}

/** The commits in flight: one, and beside one of plain units a second one of others (`CommitStore.beside`). */
export class Flights {
  #first: Flight | undefined
  #second: Flight | undefined
  /** Bytes that have to wait before a second commit is worth it: small ones gain more by sharing one. */
  readonly #worthBytes: number

  /** 0: it never is. */
  constructor(worthBytes: number) {
    this.#worthBytes = worthBytes === 0 ? Infinity : worthBytes
  }

  /** What the commit that is put together now has to stay clear of. */
  besides(isBeside: boolean): Beside | undefined {
    return isBeside ? this.#first : this.#second
  }

  /** A second commit is allowed now, and worth it. */
  isSecondWanted(queue: CommitQueue): boolean {
    const first = this.#first
    return first?.isPlain === true && queue.bytesBeside(first, this.#worthBytes) >= this.#worthBytes
  }

  begin(isBeside: boolean, participants: ReadonlyArray<Participant<unknown>>): void {
    const flight: Flight = {
      partitionIds: new Set(participants.flatMap(({ partitionIds }) => partitionIds ?? [])),
      isPlain: participants.every(({ isPlain }) => isPlain === true)
    }
    if (isBeside) this.#second = flight
    else this.#first = flight
  }

  end(isBeside: boolean): void {
    if (isBeside) this.#second = undefined
    else this.#first = undefined
  }
}
