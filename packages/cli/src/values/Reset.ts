import * as Option from "effect/Option"
import { UsageError } from "../CliError.ts"
import { parseDuration } from "./Duration.ts"
import { parseTime } from "./Time.ts"

/** Where `tusk group reset-offsets` takes a group. */
export type ResetTarget =
  | { readonly _tag: "Earliest" }
  | { readonly _tag: "Latest" }
  | { readonly _tag: "Current" }
  | { readonly _tag: "Offset"; readonly offset: bigint }
  /** The first record at or after a time, in milliseconds since 1970. */
  | { readonly _tag: "Time"; readonly time: bigint }
  /** So far from where it is; back if negative. */
  | { readonly _tag: "Shift"; readonly by: bigint }

/** The flags, as they were given. */
export interface ResetFlags {
  readonly toEarliest: boolean
  readonly toLatest: boolean
  readonly toCurrent: boolean
  readonly toOffset: Option.Option<string>
  readonly toDatetime: Option.Option<string>
  readonly shiftBy: Option.Option<string>
  readonly byDuration: Option.Option<string>
}

const NAMES = "--to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, --shift-by or --by-duration"

/** Reads the one flag that says where to go. `now`: in milliseconds since 1970. */
export const parseReset = (flags: ResetFlags, now: number): ResetTarget | UsageError => {
  const found: Array<ResetTarget | UsageError> = []
  if (flags.toEarliest) found.push({ _tag: "Earliest" })
  if (flags.toLatest) found.push({ _tag: "Latest" })
  if (flags.toCurrent) found.push({ _tag: "Current" })
  const add = (flag: string, text: Option.Option<string>, read: (text: string) => ResetTarget | undefined) => {
    if (Option.isNone(text)) return
    found.push(read(text.value) ?? new UsageError({ message: `--${flag} ${text.value}: that is none` }))
  }
  add("to-offset", flags.toOffset, (text) =>
    /^\d{1,18}$/.test(text) ? { _tag: "Offset", offset: BigInt(text) } : undefined
  )
  add("to-datetime", flags.toDatetime, (text) => {
    const time = parseTime(text)
    return time === undefined ? undefined : { _tag: "Time", time }
  })
  add("shift-by", flags.shiftBy, (text) =>
    /^[+-]?\d{1,18}$/.test(text) ? { _tag: "Shift", by: BigInt(text.replace("+", "")) } : undefined
  )
  add("by-duration", flags.byDuration, (text) => {
    const ms = parseDuration(text)
    return ms === undefined ? undefined : { _tag: "Time", time: BigInt(now - ms) }
  })
  const [target, ...more] = found
  if (target === undefined) return new UsageError({ message: `say where to: ${NAMES}` })
  return more.length > 0 ? new UsageError({ message: `only one of ${NAMES}` }) : target
}

/** Partitions of a topic, `orders` or `orders:0,2`. */
export interface TopicScope {
  readonly topic: string
  /** Undefined: all. */
  readonly partitions: ReadonlyArray<number> | undefined
}

/** Reads `--topic`. A topic's name holds no colon. */
export const parseScope = (text: string): TopicScope | UsageError => {
  const parts = /^([^:]+)(?::(\d+(?:,\d+)*))?$/.exec(text)
  if (parts === null) return new UsageError({ message: `--topic ${text}: not TOPIC or TOPIC:0,1,2` })
  return { topic: parts[1]!, partitions: parts[2]?.split(",").map(Number) }
}
