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
 * Only the member that has acquired a record may acknowledge it; of an acknowledgement all is taken or nothing. Below
 * the start offset acknowledgements change nothing. The start moves over what is Acknowledged and Archived. Persist:
 * whenever something other than a lock changes but by acquiring; what is acquired is kept as Available, so after a
 * restart it is given out again.
 */
import { InvalidRecordState } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { acquire } from "./AcquireStep.ts"
import { ACCEPT, Answer, RELEASE, RENEW } from "./SharePartitionState.ts"
import type {
  Acknowledgement,
  Event,
  Output,
  PersistedSharePartition,
  Range,
  SharePartitionState
} from "./SharePartitionState.ts"
import { countOf, done, giveBack, mapWithin, released, settle } from "./ShareRanges.ts"

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
