/**
 * What a share group has done with one partition (KIP-932): records in flight, each with its state. Pure.
 *
 * | event          | Available            | Acquired                                   | Acknowledged, Archived |
 * |----------------|----------------------|--------------------------------------------|------------------------|
 * | Acquire        | Acquired, count + 1  | -                                          | -                      |
 * | accept         | INVALID_RECORD_STATE | Acknowledged                               | INVALID_RECORD_STATE   |
 * | release        | INVALID_RECORD_STATE | Available, at the count's limit Archived   | INVALID_RECORD_STATE   |
 * | reject, gap    | INVALID_RECORD_STATE | Archived                                   | INVALID_RECORD_STATE   |
 * | renew          | INVALID_RECORD_STATE | Acquired, the lock begins anew             | INVALID_RECORD_STATE   |
 * | lock over      | -                    | as release                                 | -                      |
 * | ReleaseMember  | -                    | as release                                 | -                      |
 * | log start past | Archived             | - (until the lock is over)                 | -                      |
 *
 * Given out are whole batches up to the number of records asked for, as they lie in the log; what came back half as often
 * as it may is given out in smaller and smaller company, as Apache Kafka 4.3.1 has it.
 *
 * Only who has acquired a record may acknowledge it; of an acknowledgement all is taken or nothing. Below the start
 * offset acknowledgements change nothing. The start moves over what is Acknowledged and Archived. Persist: whenever
 * something other than a lock changes but by acquiring; what is acquired is kept as Available, so after a restart it is
 * given out again.
 */
import { InvalidRecordState } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ACCEPT, Answer, RELEASE, RENEW } from "./SharePartitionState.ts"
import type {
  Acknowledgement,
  AcquiredRange,
  Event,
  OffsetRange,
  Output,
  PersistedSharePartition,
  Range,
  ShareLimits,
  SharePartitionState
} from "./SharePartitionState.ts"

/** A partition of which nothing was given out yet. */
export const begin = (startOffset: bigint): SharePartitionState => ({
  startOffset,
  nextOffset: startOffset,
  ranges: [],
  wakeAtMs: Number.POSITIVE_INFINITY
})

/** What is kept of it. */
export const persisted = ({ ranges, startOffset }: SharePartitionState): PersistedSharePartition => ({
  startOffset,
  ranges: ranges.map((range) => ({
    first: range.first,
    last: range.last,
    state: range.state === "Acquired" ? "Available" : range.state,
    deliveryCount: countOf(range)
  }))
})

/** The partition after a restart. What was given out as often as it may be is not given out again. */
export const restore = (
  { ranges, startOffset }: PersistedSharePartition,
  deliveryCountLimit: number
): SharePartitionState => {
  const last = ranges.at(-1)?.last
  const state = { ...begin(startOffset), nextOffset: last === undefined ? startOffset : last + 1n }
  const restored = ranges.map(({ deliveryCount, first, last, state }): Range => {
    const isOver = state === "Available" && deliveryCount >= deliveryCountLimit
    const now = isOver ? "Archived" : state
    return { first, last, state: now, deliveryCount, memberId: null, lockUntilMs: Number.POSITIVE_INFINITY }
  })
  return settle(state, restored, undefined)[0]
}

/** The first offset that may be acquired. */
export const nextToAcquire = (state: SharePartitionState): bigint =>
  state.ranges.find((range) => range.state === "Available")?.first ?? state.nextOffset

/** Whether anything may be acquired now. */
export const canAcquire = (state: SharePartitionState, maxRecordLocks: number): boolean =>
  state.nextOffset - state.startOffset < BigInt(maxRecordLocks) ||
  state.ranges.some((range) => range.state === "Available")

/** `now` in milliseconds of one clock that never goes back. */
export const step = (
  state: SharePartitionState,
  event: Event,
  now: number
): readonly [SharePartitionState, ReadonlyArray<Output>] => {
  switch (event._tag) {
    case "Acquire":
      return acquire(state, event, now)
    case "Acknowledge":
      return acknowledge(state, event, now)
    case "ReleaseMember": {
      const ranges = state.ranges.map((range) =>
        range.state === "Acquired" && range.memberId === event.memberId ? released(range, event.limits) : range
      )
      return settle(state, ranges, event.waiter)
    }
    case "SetStart": {
      const anew = begin(event.startOffset)
      return [
        anew,
        [
          { _tag: "Persist", group: anew },
          { _tag: "Reply", waiter: event.waiter, answer: Answer.Done() }
        ]
      ]
    }
    case "Tick": {
      // At its limit a record was already when it was given out: `giveBack` has it in its count.
      const ranges = state.ranges.map((range) =>
        range.state === "Acquired" && range.lockUntilMs <= now ? giveBack(range) : range
      )
      return settle(state, ranges, undefined)
    }
  }
}

/** Kept in the range while it is acquired, so that a timer needs no limits: a negative count is the last delivery. */
const isLast = (range: Range): boolean => range.deliveryCount < 0

const countOf = (range: Range): number => Math.abs(range.deliveryCount)

const free = (range: Range, archived: boolean): Range => ({
  ...range,
  state: archived ? "Archived" : "Available",
  deliveryCount: countOf(range),
  memberId: null,
  lockUntilMs: Number.POSITIVE_INFINITY
})

const giveBack = (range: Range): Range => free(range, isLast(range))

const released = (range: Range, limits: ShareLimits): Range =>
  free(range, isLast(range) || countOf(range) >= limits.deliveryCountLimit)

const done = (range: Range, state: "Acknowledged" | "Archived"): Range => ({ ...free(range, true), state })

/** Whether somebody may acquire these, but they came back so often that one of them may be what fails. */
const isSuspect = ({ deliveryCount, state }: Range, limits: ShareLimits): boolean =>
  state === "Available" && deliveryCount >= Math.max(2, Math.ceil(limits.deliveryCountLimit / 2))

/**
 * How many records of a batch go out together with this one: the more often it came back, the fewer, the last time it
 * goes alone. So what cannot be processed does not take its neighbours with it.
 */
const companyOf = ({ deliveryCount }: Range, { first, last }: OffsetRange, limits: ShareLimits): number => {
  const { deliveryCountLimit } = limits
  if (deliveryCountLimit > 2 && deliveryCount >= deliveryCountLimit - 1) return 1
  const times = deliveryCount - Math.max(2, Math.ceil(deliveryCountLimit / 2)) + 1
  return Math.max(1, Math.floor((Number(last - first) + 1) / 2 ** times))
}

const acquire = (
  state: SharePartitionState,
  event: Extract<Event, { readonly _tag: "Acquire" }>,
  now: number
): readonly [SharePartitionState, ReadonlyArray<Output>] => {
  const { batchSize, limits, logStartOffset, memberId, strict, waiter } = event
  const acquired: Array<AcquiredRange> = []
  const lockUntilMs = now + limits.lockMs
  let room = event.maxRecords
  let count = 0
  let { nextOffset } = state
  const take = (first: bigint, last: bigint, before: number): Range => {
    const deliveryCount = before + 1
    const size = Number(last - first) + 1
    room -= size
    count += size
    const beside = acquired.at(-1)
    if (
      beside !== undefined &&
      beside.last + 1n === first &&
      beside.deliveryCount === deliveryCount &&
      (strict || beside.last - beside.first + 1n < BigInt(batchSize))
    ) {
      acquired[acquired.length - 1] = { ...beside, last }
    } else acquired.push({ first, last, deliveryCount })
    return {
      first,
      last,
      state: "Acquired",
      deliveryCount: deliveryCount >= limits.deliveryCountLimit ? -deliveryCount : deliveryCount,
      memberId,
      lockUntilMs
    }
  }
  /** As far as there is room; a whole piece unless a limit is strict. */
  const fit = (first: bigint, last: bigint, most = Number.POSITIVE_INFINITY): bigint => {
    const size = Math.min(most, strict ? room : Number.POSITIVE_INFINITY)
    return size < Number(last - first) + 1 ? first + BigInt(size) - 1n : last
  }
  // Nobody can read below the log start.
  let ranges = archiveWithin(state.ranges, 0n, logStartOffset - 1n)
  let { from } = event
  for (const batch of event.batches) {
    if (room <= 0) break
    // Nor what compaction has taken since it was given back.
    if (from < batch.first) ranges = archiveWithin(ranges, from, batch.first - 1n)
    from = batch.last + 1n
    const hasSuspects = ranges.some((range) => isWithin(range, batch) && isSuspect(range, limits))
    // A batch with suspects goes out by itself.
    if (hasSuspects && count > 0) break
    let most = Number.POSITIVE_INFINITY
    ranges = mapWithin(ranges, batch.first, batch.last, (range) => {
      if (range.state !== "Available" || room <= 0) return [range]
      if (isSuspect(range, limits)) most = Math.min(most, companyOf(range, batch, limits))
      if (count >= most) return [range]
      const last = fit(range.first, range.last, hasSuspects ? most - count : undefined)
      const taken = take(range.first, last, range.deliveryCount)
      return last < range.last ? [taken, { ...range, first: last + 1n }] : [taken]
    })
    if (hasSuspects) break
    const begin = batch.first > nextOffset ? batch.first : nextOffset
    const first = begin > logStartOffset ? begin : logStartOffset
    if (batch.last < first || room <= 0) continue
    const unlocked = limits.maxRecordLocks - Number(first - state.startOffset)
    if (unlocked <= 0) break
    const more: Array<Range> = []
    // Offsets between two batches, which compaction has taken, or below the log start.
    if (first > nextOffset) more.push(archived(nextOffset, first - 1n))
    const last = fit(first, batch.last, strict ? unlocked : undefined)
    more.push(take(first, last, 0))
    ranges = [...ranges, ...more]
    nextOffset = last + 1n
  }
  const [next, outputs] = settle({ ...state, nextOffset }, ranges, undefined)
  const changed = next.startOffset !== state.startOffset
  return [
    next,
    [
      ...outputs.filter(({ _tag }) => changed || _tag !== "Persist"),
      { _tag: "Reply", waiter, answer: Answer.Acquired({ ranges: acquired }) }
    ]
  ]
}

const isWithin = (range: OffsetRange, { first, last }: OffsetRange): boolean =>
  range.first <= last && range.last >= first

const archived = (first: bigint, last: bigint): Range => ({
  first,
  last,
  state: "Archived",
  deliveryCount: 0,
  memberId: null,
  lockUntilMs: Number.POSITIVE_INFINITY
})

const archiveWithin = (ranges: ReadonlyArray<Range>, first: bigint, last: bigint): ReadonlyArray<Range> =>
  ranges.some((range) => range.state === "Available" && isWithin(range, { first, last }))
    ? mapWithin(ranges, first, last, (range) => [range.state === "Available" ? { ...range, state: "Archived" } : range])
    : ranges

/** Changes what lies within the offsets, cut to them. */
const mapWithin = (
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

const refuse = (
  state: SharePartitionState,
  waiter: number,
  error: KafkaError
): readonly [SharePartitionState, ReadonlyArray<Output>] => [
  state,
  [{ _tag: "Reply", waiter, answer: Answer.Refused({ error }) }]
]

const acknowledge = (
  state: SharePartitionState,
  { batches, limits, memberId, waiter }: Extract<Event, { readonly _tag: "Acknowledge" }>,
  now: number
): readonly [SharePartitionState, ReadonlyArray<Output>] => {
  let { ranges } = state
  let error: KafkaError | undefined
  let persists = false
  for (const batch of batches) {
    for (const { first, last, type } of runsOf(batch)) {
      if (last < state.startOffset) continue
      if (last >= state.nextOffset) {
        return refuse(state, waiter, new InvalidRecordState({ message: `offset ${last} was not given out` }))
      }
      if (type !== RENEW) persists = true
      ranges = mapWithin(ranges, first < state.startOffset ? state.startOffset : first, last, (range) => {
        if (range.state !== "Acquired" || range.memberId !== memberId) {
          error ??= new InvalidRecordState({ message: `offset ${range.first} is not acquired by this member` })
          return [range]
        }
        if (type === RENEW) return [{ ...range, lockUntilMs: now + limits.lockMs }]
        if (type === RELEASE) return [released(range, limits)]
        return [done(range, type === ACCEPT ? "Acknowledged" : "Archived")]
      })
      if (error !== undefined) return refuse(state, waiter, error)
    }
  }
  const [next, outputs] = settle(state, ranges, waiter)
  return [next, persists ? outputs : outputs.filter(({ _tag }) => _tag !== "Persist")]
}

/** Stretches of offsets of one type. */
const runsOf = ({
  first,
  last,
  types
}: Acknowledgement): ReadonlyArray<{ readonly first: bigint; readonly last: bigint; readonly type: number }> => {
  if (types.length === 1) return [{ first, last, type: types[0]! }]
  const runs: Array<{ first: bigint; last: bigint; type: number }> = []
  types.forEach((type, i) => {
    const at = first + BigInt(i)
    const run = runs.at(-1)
    if (run?.type === type) run.last = at
    else runs.push({ first: at, last: at, type })
  })
  return runs
}

const isDone = ({ state }: Range): boolean => state === "Acknowledged" || state === "Archived"

const alike = (a: Range, b: Range): boolean =>
  a.state === b.state &&
  a.deliveryCount === b.deliveryCount &&
  a.memberId === b.memberId &&
  a.lockUntilMs === b.lockUntilMs

/** Moves the start over what is done with, joins what is alike, and sets the timer for the first lock. */
const settle = (
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
