/** Whether a topic is meant by one of some regular expressions, each for a whole name; or what is wrong with one. */
export const topicsLike = (patterns: ReadonlyArray<string>): ((topic: string) => boolean) | string => {
  const expressions: Array<RegExp> = []
  for (const pattern of patterns) {
    try {
      expressions.push(new RegExp(`^(?:${pattern})$`, "u"))
    } catch (error) {
      return `${pattern}: ${(error as Error).message}`
    }
  }
  return (topic) => expressions.some((expression) => expression.test(topic))
}
