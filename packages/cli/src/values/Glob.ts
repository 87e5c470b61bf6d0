/** Names by a pattern in which `*` stands for any characters and `?` for one; all else for itself. */
export const globMatcher = (patterns: ReadonlyArray<string>): ((name: string) => boolean) => {
  const expressions = patterns.map((pattern) => {
    const source = pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")
    return new RegExp(`^${source}$`, "su")
  })
  return (name) => expressions.some((expression) => expression.test(name))
}
