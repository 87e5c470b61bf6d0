import { Answer } from "./SharePartitionState.ts"
import type { AcquiredRange, Event, OffsetRange, Output, Range, SharePartitionState } from "./SharePartitionState.ts"
import { archived, archiveWithin, companyOf, isSuspect, isWithin, mapWithin, settle } from "./ShareRanges.ts"

type Acquire = Extract<Event, { readonly _tag: "Acquire" }>

/** What one `Acquire` has taken so far, and how much more it may take. */
class Taking {
  readonly ranges: Array<AcquiredRange> = []
  count = 0
  room: number
  readonly #event: Acquire
  readonly #lockUntilMs: number

  constructor(event: Acquire, now: number) {
    this.#event = event
    this.room = event.maxRecords
    this.#lockUntilMs = now + event.limits.lockMs
  }

  /** These, which were given out so often before, are the member's now. */
  take(first: bigint, last: bigint, before: number): Range {
    const { batchSize, limits, memberId, strict } = this.#event
    const deliveryCount = before + 1
    const size = Number(last - first) + 1
    this.room -= size
    this.count += size
    const beside = this.ranges.at(-1)
    if (
      beside !== undefined &&
      beside.last + 1n === first &&
      beside.deliveryCount === deliveryCount &&
      (strict || beside.last - beside.first + 1n < BigInt(batchSize))
    ) {
      this.ranges[this.ranges.length - 1] = { ...beside, last }
    } else this.ranges.push({ first, last, deliveryCount })
    return {
      first,
      last,
      state: "Acquired",
      deliveryCount: deliveryCount >= limits.deliveryCountLimit ? -deliveryCount : deliveryCount,
      memberId,
      lockUntilMs: this.#lockUntilMs
    }
  }

  /** The last that there is room for; a whole piece unless a limit is strict. */
  fit(first: bigint, last: bigint, most = Number.POSITIVE_INFINITY): bigint {
    const size = Math.min(most, this.#event.strict ? this.room : Number.POSITIVE_INFINITY)
    return size < Number(last - first) + 1 ? first + BigInt(size) - 1n : last
  }

  /** What is free again of this batch, and less of it if there are suspects. */
  takeAgain(ranges: ReadonlyArray<Range>, batch: OffsetRange, hasSuspects: boolean): ReadonlyArray<Range> {
    const { limits } = this.#event
    let most = Number.POSITIVE_INFINITY
    return mapWithin(ranges, batch.first, batch.last, (range) => {
      if (range.state !== "Available" || this.room <= 0) return [range]
      if (isSuspect(range, limits)) most = Math.min(most, companyOf(range, batch, limits))
      if (this.count >= most) return [range]
      const last = this.fit(range.first, range.last, hasSuspects ? most - this.count : undefined)
      const taken = this.take(range.first, last, range.deliveryCount)
      return last < range.last ? [taken, { ...range, first: last + 1n }] : [taken]
    })
  }
}

/** Gives a member what it may have of the batches: what is free again, and what was never given out. */
export const acquire = (
  state: SharePartitionState,
  event: Acquire,
  now: number
): readonly [SharePartitionState, ReadonlyArray<Output>] => {
  const { limits, logStartOffset, strict, waiter } = event
  const taking = new Taking(event, now)
  let { nextOffset } = state
  // No consumer can read below the log start.
  let ranges = archiveWithin(state.ranges, 0n, logStartOffset - 1n)
  let { from } = event
  for (const batch of event.batches) {
    if (taking.room <= 0) break
    // Nor what compaction has taken since it was given back.
    if (from < batch.first) ranges = archiveWithin(ranges, from, batch.first - 1n)
    from = batch.last + 1n
    const hasSuspects = ranges.some((range) => isWithin(range, batch) && isSuspect(range, limits))
    // A batch with suspects goes out by itself.
    if (hasSuspects && taking.count > 0) break
    ranges = taking.takeAgain(ranges, batch, hasSuspects)
    if (hasSuspects) break
    const begin = batch.first > nextOffset ? batch.first : nextOffset
    const first = begin > logStartOffset ? begin : logStartOffset
    if (batch.last < first || taking.room <= 0) continue
    const unlocked = limits.maxRecordLocks - Number(first - state.startOffset)
    if (unlocked <= 0) break
    const more: Array<Range> = []
    // Offsets between two batches, which compaction has taken, or below the log start.
    if (first > nextOffset) more.push(archived(nextOffset, first - 1n))
    const last = taking.fit(first, batch.last, strict ? unlocked : undefined)
    more.push(taking.take(first, last, 0))
    ranges = [...ranges, ...more]
    nextOffset = last + 1n
  }
  const [next, outputs] = settle({ ...state, nextOffset }, ranges, undefined)
  const changed = next.startOffset !== state.startOffset
  return [
    next,
    [
      ...outputs.filter(({ _tag }) => changed || _tag !== "Persist"),
      { _tag: "Reply", waiter, answer: Answer.Acquired({ ranges: taking.ranges }) }
    ]
  ]
}
