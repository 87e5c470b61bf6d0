import type { ReadRequest } from "../../port/BatchReader.ts"
import type { StoredBatch } from "../../port/StoredBatch.ts"

/** A batch that was found. */
export interface ReadBatch {
  readonly batch: StoredBatch
  readonly bytes: number
  readonly lastOffset: bigint
}

/**
 * What a read takes, request by request: as much as the request wants and all of them may have, and a first batch in any case.
 * It says what to look for next, and is given what was found.
 */
export class Taking {
  /** By request. */
  readonly taken: ReadonlyArray<Array<StoredBatch>>
  readonly #requests: ReadonlyArray<ReadRequest>
  /** The request that is filled. */
  #at = 0
  /** Where it goes on, and what it may still have. */
  #from = 0n
  #room = 0
  /** What all of them may still have. */
  #left: number
  #isFirst = true

  constructor(requests: ReadonlyArray<ReadRequest>, maxBytes: number) {
    this.#requests = requests
    this.#left = maxBytes
    this.taken = requests.map(() => [])
    this.#begin()
  }

  /** The request that is to be filled next, from where it goes on; undefined: nothing is wanted any more. */
  get next(): ReadRequest | undefined {
    const request = this.#requests[this.#at]
    if (request === undefined || (this.#left <= 0 && !this.#isFirst)) return undefined
    return { partitionId: request.partitionId, from: this.#from, maxBytes: Math.max(0, this.#room) }
  }

  /** The next one and those behind it that get all they want, whatever comes of the ones before. */
  get together(): ReadonlyArray<ReadRequest> {
    const { next } = this
    if (next === undefined) return []
    const all = [next]
    let left = this.#left - next.maxBytes
    for (let i = this.#at + 1; i < this.#requests.length; i++) {
      const request = this.#requests[i]!
      left -= request.maxBytes
      if (left < 0) break
      all.push(request)
    }
    return all
  }

  /** Takes of what was found for the next request, in order. False: one did not fit, or nothing more would. */
  take(found: ReadonlyArray<ReadBatch>, first = 0): boolean {
    const taken = this.taken[this.#at]!
    for (let i = first; i < found.length; i++) {
      const { batch, bytes, lastOffset } = found[i]!
      if (bytes > this.#room && !this.#isFirst) return false
      taken.push(batch)
      this.#from = lastOffset + 1n
      this.#room -= bytes
      this.#left -= bytes
      this.#isFirst = false
      if (this.#room <= 0) return false
    }
    return true
  }

  /** The request has what it gets. */
  pass(): void {
    this.#at++
    this.#begin()
  }

  #begin(): void {
    const request = this.#requests[this.#at]
    if (request === undefined) return
    this.#from = request.from
    this.#room = Math.min(request.maxBytes, this.#left)
  }
}
