/** Which configs a topic brings along: pure. */
import type { ConfigEntry } from "@tusk/client/admin/Configs"

/** What is set in the target, and what is not, by names. */
export interface Configs {
  readonly set: ReadonlyMap<string, string>
  /** Set at the source's topic, unknown to the target or secret. */
  readonly left: ReadonlyArray<string>
}

/** The config that says of a topic that it is imported, and from where. */
export const IMPORT = "tusk.import"

/** They name brokers, or are the import's own. */
const NEVER = new Set([IMPORT, "leader.replication.throttled.replicas", "follower.replication.throttled.replicas"])

/** What decides how long records stay and what they are like: also if the source's topic has it of its brokers. */
const INHERITED = new Set([
  "cleanup.policy",
  "compression.type",
  "delete.retention.ms",
  "max.compaction.lag.ms",
  "max.message.bytes",
  "message.timestamp.type",
  "min.cleanable.dirty.ratio",
  "min.compaction.lag.ms",
  "retention.bytes",
  "retention.ms"
])

const OWN = "DYNAMIC_TOPIC_CONFIG"

/** `source` and `target` are all configs of the topic at both sides. */
export const configsOf = (source: ReadonlyArray<ConfigEntry>, target: ReadonlyArray<ConfigEntry>): Configs => {
  const there = new Map(target.map((entry) => [entry.name, entry]))
  const set = new Map<string, string>()
  const left: Array<string> = []
  for (const { name, source: from, value } of source) {
    if (NEVER.has(name)) continue
    const known = there.get(name)
    if (from === OWN && (known === undefined || value === null)) left.push(name)
    if (known === undefined || value === null || known.value === value) continue
    if (from === OWN || INHERITED.has(name)) set.set(name, value)
  }
  return { set, left }
}
