import { UsageError } from "../CliError.ts"

/** Names by regular expressions, each for a whole name, several with commas between; all names if there is none. */
export const namesLike = (patterns: ReadonlyArray<string>, flag: string): ((name: string) => boolean) | UsageError => {
  const expressions: Array<RegExp> = []
  for (const pattern of patterns.flatMap((each) => each.split(","))) {
    try {
      expressions.push(new RegExp(`^(?:${pattern})$`, "u"))
    } catch (error) {
      return new UsageError({ message: `${flag} ${pattern}: ${(error as Error).message}` })
    }
  }
  return (name) => expressions.length === 0 || expressions.some((expression) => expression.test(name))
}
