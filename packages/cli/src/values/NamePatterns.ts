import { topicsLike } from "@tusk/server/shadow/topicsLike"
import { UsageError } from "../CliError.ts"

/** Names by regular expressions, each for a whole name, several with commas between; all names if there is none. */
export const namesLike = (patterns: ReadonlyArray<string>, flag: string): ((name: string) => boolean) | UsageError => {
  const wanted = topicsLike(patterns.length === 0 ? [".*"] : patterns.flatMap((each) => each.split(",")))
  return typeof wanted === "string" ? new UsageError({ message: `${flag} ${wanted}` }) : wanted
}
