import { InvalidRegularExpression } from "@tusk/protocol/KafkaError"
import type { Topics } from "@tusk/storage/topics/Topics"
import type * as Context from "effect/Context"
import { RE2JS } from "re2js"
import type { TopicsView } from "./Subscription.ts"

/** A longer expression is refused. */
const MAX_CHARACTERS = 4096
/** Expressions kept, compiled, with what they match; the oldest goes. */
const MAX_KEPT = 1000

/** Why this is no regular expression of RE2's; `name` is what Kafka calls the field that it stands in. */
export const regexProblem = (
  regex: string,
  name: string,
  compile: (regex: string) => unknown = (source) => RE2JS.compile(source)
): InvalidRegularExpression | null => {
  if (regex.length > MAX_CHARACTERS) {
    return new InvalidRegularExpression({ message: `a regular expression of ${regex.length} characters is too long` })
  }
  try {
    compile(regex)
    return null
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return new InvalidRegularExpression({ message: `${name} \`${regex}\` is not a valid regular expression: ${why}.` })
  }
}

/** Whether a name is all that a regular expression stands for. Throws what RE2 says of one that is none (`regexProblem`). */
export const matcherOf = (regex: string): ((name: string) => boolean) => {
  const compiled = RE2JS.compile(regex)
  return (name) => compiled.testExact(name)
}

interface Pattern {
  readonly matches: (name: string) => boolean
  version: number
  names: ReadonlyArray<string>
}

/** Whether the one who asks may know of a topic; undefined: of all. */
export type MayDescribe = ((topic: string) => boolean) | undefined

export interface TopicPatterns {
  /** The topics as they are now; regular expressions stand for those that one may know of: without a word for all. */
  readonly view: (mayDescribe?: MayDescribe) => TopicsView
  /** Why this is no regular expression of RE2's. */
  readonly invalid: (regex: string) => InvalidRegularExpression | null
}

/**
 * The topics there are, and which of them regular expressions stand for. They match in time linear in the length of a
 * name, whatever the expression (RE2), and each is asked once a change of topics, however many members have it.
 */
export const makeTopicPatterns = (topics: Context.Service.Shape<typeof Topics>): TopicPatterns => {
  const patterns = new Map<string, Pattern>()

  /** Throws what RE2 says of an expression that is none. */
  const patternOf = (regex: string): Pattern => {
    const known = patterns.get(regex)
    if (known !== undefined) return known
    const pattern: Pattern = { matches: matcherOf(regex), version: -1, names: [] }
    if (patterns.size >= MAX_KEPT) patterns.delete(patterns.keys().next().value!)
    patterns.set(regex, pattern)
    return pattern
  }

  const matching = (regex: string): ReadonlyArray<string> => {
    const pattern = patternOf(regex)
    if (pattern.version !== topics.version()) {
      pattern.names = topics.all().flatMap(({ name }) => (pattern.matches(name) ? [name] : []))
      pattern.version = topics.version()
    }
    return pattern.names
  }

  return {
    view: (mayDescribe) => ({
      version: topics.version(),
      byName: (name) => {
        const topic = topics.byName(name)
        return topic && { topicId: topic.topicId, partitions: topic.partitionIds.length }
      },
      partitionCount: (topicId) => topics.byId(topicId)?.partitionIds.length ?? 0,
      matching: mayDescribe === undefined ? matching : (regex) => matching(regex).filter(mayDescribe)
    }),
    invalid: (regex) => regexProblem(regex, "SubscribedTopicRegex", patternOf)
  }
}
