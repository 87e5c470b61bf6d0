import * as Result from "effect/Result"

/** What becomes of a distinguished name; undefined: no rule fits it, and its connection is refused. */
export type PrincipalMapping = (distinguishedName: string) => string | undefined

const RULE = String.raw`(DEFAULT)|RULE:((?:\\.|[^\\/])*)/((?:\\.|[^\\/])*)/([LU]?).*?|(.*?)`

/** Each rule of a list, without the blanks around it. */
const split = (rules: string): ReadonlyArray<string> =>
  Array.from(rules.trim().matchAll(new RegExp(String.raw`\s*(${RULE})\s*(?:,\s*|$)`, "g")), (found) => found[1]!)

/**
 * Java's `$1` and `\x` of a replacement, `groups` being what matched. A number that is greater than there are groups loses
 * its last digits, and stands for itself if that does not help.
 */
const replaced = (replacement: string, groups: ReadonlyArray<string | undefined>): string =>
  replacement.replace(/\\([\s\S])|\$(\d+)/g, (whole, literal: string | undefined, digits: string | undefined) => {
    if (literal !== undefined) return literal
    for (let length = digits!.length; length > 0; length--) {
      const number = Number(digits!.slice(0, length))
      if (number < groups.length) return (groups[number] ?? "") + digits!.slice(length)
    }
    return whole
  })

/** A pattern of Java's as one of JavaScript's: what only Java has is refused, but for `(?i)` at the beginning. */
const patternOf = (text: string, isWhole: boolean): RegExp => {
  const body = text.replace(/^\(\?i\)/, "")
  return new RegExp(isWhole ? `^(?:${body})$` : body, `${body === text ? "" : "i"}${isWhole ? "" : "g"}`)
}

const ruleOf = (text: string): PrincipalMapping | undefined => {
  const [matched, isDefault, pattern, replacement, letters] = new RegExp(`^(?:${RULE})`).exec(text) ?? []
  if (matched !== text) return undefined
  if (isDefault !== undefined) return (name) => name
  if (pattern === undefined || replacement === undefined) return undefined
  const [whole, each] = [patternOf(pattern, true), patternOf(pattern, false)]
  const groupCount = new RegExp(`${whole.source}|`, whole.flags).exec("")!.length
  return (name) => {
    if (!whole.test(name)) return undefined
    // As Java's replaceAll: the pattern may be found again behind what it found first.
    const result = name.replace(each, (...found) => replaced(replacement, found.slice(0, groupCount) as Array<string>))
    return letters === "L" ? result.toLowerCase() : letters === "U" ? result.toUpperCase() : result
  }
}

/**
 * `ssl.principal.mapping.rules` (KIP-371): `RULE:pattern/replacement/[LU]` and `DEFAULT`, with commas between; the first
 * whose pattern is the whole name decides. Fails with a line for people.
 */
export const principalMapping = (text: string): Result.Result<PrincipalMapping, string> => {
  const rules: Array<PrincipalMapping> = []
  for (const each of split(text)) {
    if (each === "") continue
    try {
      const rule = ruleOf(each)
      if (rule === undefined) return Result.fail(`Invalid rule: ${each}`)
      rules.push(rule)
    } catch (error) {
      return Result.fail(`Invalid rule: ${each}: ${(error as Error).message}`)
    }
  }
  return Result.succeed((name) => {
    for (const rule of rules) {
      const result = rule(name)
      if (result !== undefined) return result
    }
    return undefined
  })
}
