/** The topics there are, as a machine needs them. What it tells does not change. */
export interface TopicsView {
  /** Another number: topics have changed. */
  readonly version: number
  readonly byName: (name: string) => { readonly topicId: string; readonly partitions: number } | undefined
  readonly partitionCount: (topicId: string) => number
  /** Names of all topics that a valid regular expression matches as a whole, and that the one who asks may know of. */
  readonly matching: (regex: string) => ReadonlyArray<string>
}

/** What a member subscribes to: topics of these names, and of names that the expression matches. */
export interface Subscriber {
  /** In order, no name twice. */
  readonly subscribedTopicNames: ReadonlyArray<string>
  /** Empty: none. */
  readonly subscribedTopicRegex: string
}

/** Names of topics by the regular expression that stands for them. */
export type Resolved = ReadonlyMap<string, ReadonlyArray<string>>

export const NOTHING_KNOWN: Resolved = new Map()
const NO_TOPICS: ReadonlySet<string> = new Set()

/** What members subscribe to, as ids of topics that exist. Members that ask for the same share one set. */
export class Subscriptions {
  readonly topics: TopicsView
  /** The regular expressions asked about. */
  readonly resolved = new Map<string, ReadonlyArray<string>>()
  private readonly known: Resolved
  private readonly byKey = new Map<string, ReadonlySet<string>>()

  /** `known`: what regular expressions stand for already; the others are looked up by the rights of the one who asks. */
  constructor(topics: TopicsView, known: Resolved = NOTHING_KNOWN) {
    this.topics = topics
    this.known = known
  }

  of({ subscribedTopicNames, subscribedTopicRegex }: Subscriber): ReadonlySet<string> {
    if (subscribedTopicRegex === "" && subscribedTopicNames.length === 0) return NO_TOPICS
    const key = `${subscribedTopicRegex}\n${subscribedTopicNames.join("\n")}`
    const known = this.byKey.get(key)
    if (known !== undefined) return known
    const topicIds = new Set<string>()
    const add = (name: string): void => {
      const topic = this.topics.byName(name)
      if (topic !== undefined) topicIds.add(topic.topicId)
    }
    subscribedTopicNames.forEach(add)
    if (subscribedTopicRegex !== "") {
      const names = this.known.get(subscribedTopicRegex) ?? this.topics.matching(subscribedTopicRegex)
      this.resolved.set(subscribedTopicRegex, names)
      names.forEach(add)
    }
    this.byKey.set(key, topicIds)
    return topicIds
  }

  /** Of all topics that a member subscribes to and their sizes; 0: none. The same whatever the order. */
  hash(members: Iterable<Subscriber>): number {
    const sets = new Set<ReadonlySet<string>>()
    for (const member of members) sets.add(this.of(member))
    const all = new Set<string>()
    for (const topicIds of sets) for (const topicId of topicIds) all.add(topicId)
    let hash = 0
    for (const topicId of Array.from(all).sort()) {
      hash = mix(hash, `${topicId}:${this.topics.partitionCount(topicId)}`)
    }
    return hash
  }
}

/** Two FNV-1a halves, 52 bits together: a safe integer. */
const mix = (seed: number, text: string): number => {
  let low = (0x811c9dc5 ^ seed) | 0
  let high = (0x01000193 ^ Math.floor(seed / 0x4000000)) | 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul(high ^ unit, 0x5bd1e995)
    high ^= high >>> 15
  }
  return ((high >>> 6) & 0x3ffffff) * 0x4000000 + ((low >>> 6) & 0x3ffffff)
}
