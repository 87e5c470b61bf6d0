import type { ShadowedCount } from "../request/ServerCounts.ts"
import type { Series } from "./Series.ts"
import { tuskMetrics } from "./tuskMetrics.ts"

/** How far the other Kafka is behind, looked at for a page; each partition unless there are too many. */
export const setShadow = (series: Series, shadowed: Iterable<ShadowedCount>, maxPartitions: number): void => {
  const all = Array.from(shadowed)
  const topics = new Map<string, { lag: number; stopped: number }>()
  for (const { lag, partition, stoppedWhy, topic } of all) {
    const sums = topics.get(topic) ?? { lag: 0, stopped: 0 }
    topics.set(topic, sums)
    if (stoppedWhy !== undefined) sums.stopped++
    if (Number.isNaN(lag)) continue
    sums.lag += lag
    if (all.length <= maxPartitions) series.set(tuskMetrics.shadowLag, lag, topic, String(partition))
  }
  if (topics.size > maxPartitions) return
  for (const [topic, { lag, stopped }] of topics) {
    series.set(tuskMetrics.shadowTopicLag, lag, topic)
    series.set(tuskMetrics.shadowStopped, stopped, topic)
  }
}
