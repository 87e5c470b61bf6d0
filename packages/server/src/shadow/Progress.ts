import type { ShadowPlace, ShadowProgress } from "@tusk/storage/port/ShadowRows"

/** How far one partition is, for whoever asks. */
export interface PartitionLag extends ShadowPlace {
  /** Offsets of the source that are still to be forwarded; NaN: not known yet. */
  readonly lag: number
  /** Why it is not forwarded; undefined: it is. */
  readonly stoppedWhy: string | undefined
}

interface Entry extends ShadowPlace {
  targetEnd: bigint
  sourceNext: bigint
  sourceEnd: bigint
  isKnown: boolean
  stoppedWhy: string | undefined
}

const keyOf = ({ partition, topic }: ShadowPlace): string => `${partition} ${topic}`

/** How far all partitions are. What has moved is noted now and then. */
export class Progress {
  readonly #entries = new Map<string, Entry>()
  readonly #moved = new Set<Entry>()

  /** The partition is to be forwarded; how far it is, is not known yet. */
  expect(place: ShadowPlace): void {
    this.#of(place)
  }

  /** The partition is at a position, and the source's last stable offset is there. */
  at(place: ShadowPlace, targetEnd: bigint, sourceNext: bigint, sourceEnd?: bigint): void {
    const entry = this.#of(place)
    entry.targetEnd = targetEnd
    entry.sourceNext = sourceNext
    if (sourceEnd !== undefined) entry.sourceEnd = sourceEnd
    entry.isKnown = true
    entry.stoppedWhy = undefined
    this.#moved.add(entry)
  }

  /** The last stable offset of the source is seen. */
  seen(place: ShadowPlace, sourceEnd: bigint): void {
    const entry = this.#of(place)
    if (entry.sourceEnd === sourceEnd) return
    entry.sourceEnd = sourceEnd
    this.#moved.add(entry)
  }

  /** It stops. Tells whether that is new. */
  stop(place: ShadowPlace, why: string): boolean {
    const entry = this.#of(place)
    const isNew = entry.stoppedWhy !== why
    entry.stoppedWhy = why
    this.#moved.delete(entry)
    return isNew
  }

  forget(place: ShadowPlace): void {
    const entry = this.#entries.get(keyOf(place))
    if (entry === undefined) return
    this.#entries.delete(keyOf(place))
    this.#moved.delete(entry)
  }

  /** Where the target ends; undefined: not known. */
  targetEnd(place: ShadowPlace): bigint | undefined {
    const entry = this.#entries.get(keyOf(place))
    return entry?.isKnown === true ? entry.targetEnd : undefined
  }

  /** The next offset of the source; undefined: not known. */
  sourceNext(place: ShadowPlace): bigint | undefined {
    const entry = this.#entries.get(keyOf(place))
    return entry?.isKnown === true ? entry.sourceNext : undefined
  }

  /** What moved since it was taken last. */
  take(): ReadonlyArray<ShadowProgress> {
    const moved = Array.from(this.#moved, ({ partition, sourceEnd, sourceNext, targetEnd, topic }) => {
      return { topic, partition, targetEnd, sourceNext, sourceEnd }
    })
    this.#moved.clear()
    return moved
  }

  /** What was taken was not noted after all. */
  again(progress: ReadonlyArray<ShadowProgress>): void {
    for (const each of progress) {
      const entry = this.#entries.get(keyOf(each))
      if (entry !== undefined && entry.stoppedWhy === undefined) this.#moved.add(entry)
    }
  }

  lags(): ReadonlyArray<PartitionLag> {
    return Array.from(this.#entries.values(), ({ isKnown, partition, sourceEnd, sourceNext, stoppedWhy, topic }) => {
      const left = sourceEnd - sourceNext
      return { topic, partition, lag: isKnown ? Number(left > 0n ? left : 0n) : NaN, stoppedWhy }
    })
  }

  #of(place: ShadowPlace): Entry {
    const key = keyOf(place)
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      const { partition, topic } = place
      entry = { topic, partition, targetEnd: 0n, sourceNext: 0n, sourceEnd: 0n, isKnown: false, stoppedWhy: undefined }
      this.#entries.set(key, entry)
    }
    return entry
  }
}
