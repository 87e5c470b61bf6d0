import { UsageError } from "../CliError.ts"
import { parseTime } from "./Time.ts"

/** A place in a log, as people name it. */
export type Place =
  | { readonly _tag: "Earliest" }
  | { readonly _tag: "Latest" }
  | { readonly _tag: "MaxTimestamp" }
  /** An offset. */
  | { readonly _tag: "Offset"; readonly offset: bigint }
  /** So many records before the end. */
  | { readonly _tag: "BeforeEnd"; readonly records: bigint }
  /** The first record at or after a time, in milliseconds since 1970; the end if there is none. */
  | { readonly _tag: "Time"; readonly time: bigint }

const NAMED: ReadonlyMap<string, Place> = new Map<string, Place>([
  ["beginning", { _tag: "Earliest" }],
  ["earliest", { _tag: "Earliest" }],
  ["end", { _tag: "Latest" }],
  ["latest", { _tag: "Latest" }],
  ["max-timestamp", { _tag: "MaxTimestamp" }]
])

/** For help. */
export const PLACE_HELP =
  "beginning, latest, an offset, -N (N records before the end), a time (2026-01-31T12:00:00Z, @MS)"

/** Reads a place. `flag` is what errors name. */
export const parsePlace = (text: string, flag: string): Place | UsageError => {
  const named = NAMED.get(text.toLowerCase())
  if (named !== undefined) return named
  if (/^\d{1,18}$/.test(text)) return { _tag: "Offset", offset: BigInt(text) }
  if (/^-[1-9]\d{0,17}$/.test(text)) return { _tag: "BeforeEnd", records: BigInt(text.slice(1)) }
  const time = parseTime(text)
  if (time !== undefined) return { _tag: "Time", time }
  return new UsageError({ message: `--${flag} ${text}: one of ${PLACE_HELP}` })
}
