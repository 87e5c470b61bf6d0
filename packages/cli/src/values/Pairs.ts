import { UsageError } from "../CliError.ts"

/** `NAME=VALUE` texts as a map. `flag` is what errors name. */
export const parsePairs = (texts: ReadonlyArray<string>, flag: string): ReadonlyMap<string, string> | UsageError => {
  const pairs = new Map<string, string>()
  for (const text of texts) {
    const at = text.indexOf("=")
    if (at <= 0) return new UsageError({ message: `${flag} ${text}: not NAME=VALUE` })
    const name = text.slice(0, at).trim()
    if (pairs.has(name)) return new UsageError({ message: `${flag} ${name} is given twice` })
    pairs.set(name, text.slice(at + 1))
  }
  return pairs
}
