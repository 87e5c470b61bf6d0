import { Answer } from "./SharePartitionState.ts"
import type { OffsetRange, Output, Range, ShareLimits, SharePartitionState } from "./SharePartitionState.ts"

/** Kept in the range while it is acquired, so that a timer needs no limits: a negative count is the last delivery. */
const isLast = (range: Range): boolean => range.deliveryCount < 0

/** How often these records were given out. */
export const countOf = (range: Range): number => Math.abs(range.deliveryCount)

const free = (range: Range, archived: boolean): Range => ({
  ...range,
  state: archived ? "Archived" : "Available",
  deliveryCount: countOf(range),
  memberId: null,
  lockUntilMs: Number.POSITIVE_INFINITY
})

/** What becomes of records when their lock runs out: free again, or archived if this was the last delivery. */
export const giveBack = (range: Range): Range => free(range, isLast(range))

export const released = (range: Range, limits: ShareLimits): Range =>
  free(range, isLast(range) || countOf(range) >= limits.deliveryCountLimit)

export const done = (range: Range, state: "Acknowledged" | "Archived"): Range => ({ ...free(range, true), state })

/** Whether a member may acquire these, but they came back so often that one of them may be what fails. */
export const isSuspect = ({ deliveryCount, state }: Range, limits: ShareLimits): boolean =>
  state === "Available" && deliveryCount >= Math.max(2, Math.ceil(limits.deliveryCountLimit / 2))

/**
 * How many records of a batch go out together with this one: the more often it came back, the fewer, the last time it
 * goes alone. So what cannot be processed does not take its neighbours with it.
 */
export const companyOf = ({ deliveryCount }: Range, { first, last }: OffsetRange, limits: ShareLimits): number => {
  const { deliveryCountLimit } = limits
  if (deliveryCountLimit > 2 && deliveryCount >= deliveryCountLimit - 1) return 1
  const times = deliveryCount - Math.max(2, Math.ceil(deliveryCountLimit / 2)) + 1
  return Math.max(1, Math.floor((Number(last - first) + 1) / 2 ** times))
}

export const isWithin = (range: OffsetRange, { first, last }: OffsetRange): boolean =>
  range.first <= last && range.last >= first

export const archived = (first: bigint, last: bigint): Range => ({
  first,
  last,
  state: "Archived",
  deliveryCount: 0,
  memberId: null,
  lockUntilMs: Number.POSITIVE_INFINITY
})

export const archiveWithin = (ranges: ReadonlyArray<Range>, first: bigint, last: bigint): ReadonlyArray<Range> =>
  ranges.some((range) => range.state === "Available" && isWithin(range, { first, last }))
    ? mapWithin(ranges, first, last, (range) => [range.state === "Available" ? { ...range, state: "Archived" } : range])
    : ranges

/** Changes what lies within the offsets, cut to them. */
export const mapWithin = (
  ranges: ReadonlyArray<Range>,
  first: bigint,
  last: bigint,
  change: (range: Range) => ReadonlyArray<Range>
): ReadonlyArray<Range> => {
  const mapped: Array<Range> = []
  for (const range of ranges) {
    if (range.last < first || range.first > last) {
      mapped.push(range)
      continue
    }
    if (range.first < first) mapped.push({ ...range, last: first - 1n })
    const inside = {
      ...range,
      first: range.first < first ? first : range.first,
      last: range.last > last ? last : range.last
    }
    mapped.push(...change(inside))
    if (range.last > last) mapped.push({ ...range, first: last + 1n })
  }
  return mapped
}

const isDone = ({ state }: Range): boolean => state === "Acknowledged" || state === "Archived"

const alike = (a: Range, b: Range): boolean =>
  a.state === b.state &&
  a.deliveryCount === b.deliveryCount &&
  a.memberId === b.memberId &&
  a.lockUntilMs === b.lockUntilMs

/** Moves the start over what is done with, joins what is alike, and sets the timer for the first lock. */
export const settle = (
  state: SharePartitionState,
  changed: ReadonlyArray<Range>,
  waiter: number | undefined
): readonly [SharePartitionState, ReadonlyArray<Output>] => {
  const ranges: Array<Range> = []
  let { startOffset } = state
  let wakeAtMs = Number.POSITIVE_INFINITY
  for (const range of changed) {
    if (ranges.length === 0 && isDone(range)) {
      startOffset = range.last + 1n
      continue
    }
    const before = ranges.at(-1)
    if (before !== undefined && alike(before, range)) {
      ranges[ranges.length - 1] = { ...before, last: range.last }
    } else ranges.push(range)
    if (range.lockUntilMs < wakeAtMs) wakeAtMs = range.lockUntilMs
  }
  const next = { startOffset, nextOffset: state.nextOffset, ranges, wakeAtMs }
  const outputs: Array<Output> = [{ _tag: "Persist", group: next }]
  if (wakeAtMs !== state.wakeAtMs && wakeAtMs !== Number.POSITIVE_INFINITY) {
    outputs.push({ _tag: "WakeAt", atMs: wakeAtMs })
  }
  if (waiter !== undefined) outputs.push({ _tag: "Reply", waiter, answer: Answer.Done() })
  return [next, outputs]
}
