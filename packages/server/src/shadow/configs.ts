/** Configs of topics that mean the same at the target, whatever its brokers and replicas are. */
const MIRRORED: ReadonlySet<string> = new Set([
  "cleanup.policy",
  "delete.retention.ms",
  "max.compaction.lag.ms",
  "max.message.bytes",
  "message.timestamp.after.max.ms",
  "message.timestamp.before.max.ms",
  "message.timestamp.type",
  "min.cleanable.dirty.ratio",
  "min.compaction.lag.ms",
  "retention.bytes",
  "retention.ms",
  "segment.ms"
])

/** Those of them that are a topic's own. `compression.type` is not among them: the target keeps batches as they come. */
export const mirrored = (own: Iterable<readonly [name: string, value: string]>): ReadonlyMap<string, string> =>
  new Map(Array.from(own).filter(([name]) => MIRRORED.has(name)))
