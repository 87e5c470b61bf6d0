import type * as Result from "effect/Result"
import { array, integer, object, oneOf, reading, string, version } from "../machine/RecordFields.ts"
import type { Range, RecordState, SharePartitionState } from "./SharePartitionState.ts"

/** The form written; a reader refuses what it does not know. */
const VERSION = 1
const MAX_CHARACTERS = 64 * 1024 * 1024
const STORED = ["Available", "Acknowledged", "Archived"] as const satisfies ReadonlyArray<RecordState>

/** To JSON. Offsets are texts: they may be beyond what a number holds. */
export const encode = ({ ranges, startOffset }: SharePartitionState): string =>
  JSON.stringify({
    version: VERSION,
    startOffset: String(startOffset),
    ranges: ranges.map(({ deliveryCount, first, last, state }) => [
      String(first),
      Number(last - first) + 1,
      // Given out again after a restart.
      STORED.indexOf(state === "Acquired" ? "Available" : state),
      Math.abs(deliveryCount)
    ])
  })

/** What `encode` wrote, or why it cannot be that. What was given out as often as it may be is not given out again. */
export const decode = (value: string, deliveryCountLimit: number): Result.Result<SharePartitionState, string> =>
  reading(value, MAX_CHARACTERS, (json) => {
    const record = object(json, "share partition")
    version(record, VERSION)
    const startOffset = offset(record["startOffset"], "startOffset")
    let nextOffset = startOffset
    const ranges = array(record["ranges"], "ranges").map((each): Range => {
      const [firstText, size, stateNumber, count] = array(each, "range")
      const first = offset(firstText, "first")
      const last = first + BigInt(integer(size, "size")) - 1n
      const stored = oneOf(STORED, STORED[integer(stateNumber, "state")], "state")
      const deliveryCount = integer(count, "deliveryCount")
      nextOffset = last + 1n
      const state = stored === "Available" && deliveryCount >= deliveryCountLimit ? "Archived" : stored
      return { first, last, state, deliveryCount, memberId: null, lockUntilMs: Number.POSITIVE_INFINITY }
    })
    while (ranges.length > 0 && ranges[0]!.state !== "Available") ranges.shift()
    return {
      startOffset: ranges[0]?.first ?? nextOffset,
      nextOffset,
      ranges,
      wakeAtMs: Number.POSITIVE_INFINITY
    }
  })

const offset = (value: unknown, name: string): bigint => {
  const text = string(value, name)
  return /^\d{1,19}$/.test(text) ? BigInt(text) : BigInt(integer(text, name))
}
