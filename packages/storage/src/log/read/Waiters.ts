import * as Effect from "effect/Effect"
import type { Bound } from "../partitions/Bound.ts"

/** Something that may end a wait, by calling `wake`. */
export interface Ending {
  readonly begin: (wake: () => void) => void
  /** The wait is over: `wake` is no longer to be called. */
  readonly end: (wake: () => void) => void
}

/** How far a reader of a partition has come: all that its bound let it have. */
export interface Position {
  readonly partitionId: number
  readonly bound: Bound
  /** Where its bound was. */
  readonly readableEnd: bigint
}

/** Which readers wait for which partition. An append costs one look; nothing polls. */
export interface Waiters {
  readonly byPartition: Map<number, Set<Waiter>>
  /** Waits for `bytes` in these partitions; returns at once if `moved` says that one is no longer as it was. */
  readonly wait: (
    positions: ReadonlyArray<Position>,
    bytes: number,
    moved: (position: Position) => boolean,
    ending?: Ending
  ) => Effect.Effect<void>
  /** The partition is no longer what it was: each reader that waits for it looks again. */
  readonly change: (partitionId: number) => void
  readonly fireAll: () => void
  /** How many readers wait. */
  readonly count: () => number
}

export const makeWaiters = (): Waiters => {
  const byPartition = new Map<number, Set<Waiter>>()
  const change = (partitionId: number) => {
    const waiting = byPartition.get(partitionId)
    if (waiting !== undefined) for (const waiter of Array.from(waiting)) waiter.wake()
  }
  return {
    byPartition,
    change,
    count: () => {
      const all = new Set<Waiter>()
      for (const waiting of byPartition.values()) for (const waiter of waiting) all.add(waiter)
      return all.size
    },
    fireAll: () => {
      for (const partitionId of Array.from(byPartition.keys())) change(partitionId)
    },
    wait: (positions, bytes, moved, ending) =>
      Effect.callback<void>((resume) => {
        const waiter = new Waiter(byPartition, positions, bytes, ending, resume)
        waiter.begin(moved)
        return Effect.sync(() => waiter.end())
      })
  }
}

/** A long poll: woken once enough bytes have arrived in any of its partitions. One object: there are thousands. */
class Waiter {
  left: number
  /** All positions of a reader have one bound. */
  readonly bound: Bound
  readonly #byPartition: Waiters["byPartition"]
  readonly #positions: ReadonlyArray<Position>
  readonly #ending: Ending | undefined
  readonly #resume: (woken: Effect.Effect<void>) => void
  #isOver = false

  constructor(
    byPartition: Waiters["byPartition"],
    positions: ReadonlyArray<Position>,
    bytes: number,
    ending: Ending | undefined,
    resume: (woken: Effect.Effect<void>) => void
  ) {
    this.#byPartition = byPartition
    this.#positions = positions
    this.left = bytes
    this.bound = positions[0]?.bound ?? "HighWatermark"
    this.#ending = ending
    this.#resume = resume
  }

  begin(moved: (position: Position) => boolean): void {
    for (const position of this.#positions) {
      if (moved(position)) return this.wake()
      let waiting = this.#byPartition.get(position.partitionId)
      if (waiting === undefined) this.#byPartition.set(position.partitionId, (waiting = new Set()))
      waiting.add(this)
    }
    this.#ending?.begin(this.wake)
    // It may have ended at once, and begun something after that.
    if (this.#isOver) this.#ending?.end(this.wake)
  }

  readonly wake = (): void => {
    this.end()
    this.#resume(Effect.void)
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#ending?.end(this.wake)
    for (const { partitionId } of this.#positions) {
      const waiting = this.#byPartition.get(partitionId)
      if (waiting === undefined) continue
      waiting.delete(this)
      if (waiting.size === 0) this.#byPartition.delete(partitionId)
    }
  }
}

/** `bytes` became readable in a partition, and `stableBytes` for readers bound by the last stable offset. */
export const fire = (waiters: Waiters, partitionId: number, bytes: number, stableBytes: number): void => {
  const waiting = waiters.byPartition.get(partitionId)
  if (waiting === undefined) return
  // A reader that is woken runs at once, and may wait again: for the next append.
  for (const waiter of Array.from(waiting)) {
    const grown = waiter.bound === "HighWatermark" ? bytes : stableBytes
    if (grown === 0) continue
    waiter.left -= grown
    if (waiter.left <= 0) waiter.wake()
  }
}
