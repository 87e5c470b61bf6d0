/** How long an object that could not be read is left alone. */
const REST_MS = 3_600_000

/** Objects one of which may be why a merge failed: they are looked at one by one, so that the others go on without it. */
export class Suspects {
  #open: Array<bigint> = []
  readonly #resting = new Map<bigint, number>()

  /** The next one that is to be looked at. */
  get next(): bigint | undefined {
    return this.#open.at(-1)
  }

  /** What became of the next one. */
  looked(couldBeRead: boolean, nowMs: number): void {
    const objectId = this.#open.pop()
    if (objectId !== undefined && !couldBeRead) this.#resting.set(objectId, nowMs + REST_MS)
  }

  /** A merge of these failed. */
  add(objectIds: ReadonlyArray<bigint>): void {
    this.#open = objectIds.slice()
  }

  /** Whether it is left alone for now. */
  isResting(objectId: bigint, nowMs: number): boolean {
    const untilMs = this.#resting.get(objectId)
    if (untilMs === undefined) return false
    if (nowMs < untilMs) return true
    this.#resting.delete(objectId)
    return false
  }

  clear(): void {
    this.#open = []
    this.#resting.clear()
  }
}
