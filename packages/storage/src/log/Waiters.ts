import * as Effect from "effect/Effect"

/** A long poll: woken once enough bytes have arrived in any of its partitions. */
interface Waiter {
  left: number
  readonly wake: () => void
}

/** Something that may end a wait: it is given what to call then, and gives back what takes that off. */
export type Ending = (wake: () => void) => () => void

export interface Position {
  readonly partitionId: number
  readonly highWatermark: bigint
}

/** Who waits for which partition. An append costs one look; nothing polls. */
export interface Waiters {
  readonly byPartition: Map<number, Set<Waiter>>
  /** Waits for `bytes` in these partitions; returns at once where `moved` says that one is no longer as it was. */
  readonly wait: (
    positions: ReadonlyArray<Position>,
    bytes: number,
    moved: (position: Position) => boolean,
    endings?: ReadonlyArray<Ending>
  ) => Effect.Effect<void>
  /** The partition is no longer what it was: whoever waits for it looks again. */
  readonly change: (partitionId: number) => void
  readonly fireAll: () => void
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
    fireAll: () => {
      for (const partitionId of Array.from(byPartition.keys())) change(partitionId)
    },
    wait: (positions, bytes, moved, endings = []) =>
      Effect.callback<void>((resume) => {
        const offs: Array<() => void> = []
        const remove = () => {
          for (const off of offs) off()
          for (const { partitionId } of positions) {
            const waiting = byPartition.get(partitionId)
            if (waiting === undefined) continue
            waiting.delete(waiter)
            if (waiting.size === 0) byPartition.delete(partitionId)
          }
        }
        const waiter: Waiter = {
          left: bytes,
          wake: () => {
            remove()
            resume(Effect.void)
          }
        }
        for (const position of positions) {
          if (moved(position)) {
            waiter.wake()
            return
          }
          let waiting = byPartition.get(position.partitionId)
          if (waiting === undefined) byPartition.set(position.partitionId, (waiting = new Set()))
          waiting.add(waiter)
        }
        for (const ending of endings) offs.push(ending(waiter.wake))
        return Effect.sync(remove)
      })
  }
}

/** `bytes` became readable in a partition. */
export const fire = (waiters: Waiters, partitionId: number, bytes: number): void => {
  const waiting = waiters.byPartition.get(partitionId)
  if (waiting === undefined) return
  for (const waiter of waiting) {
    waiter.left -= bytes
    if (waiter.left <= 0) waiter.wake()
  }
}
