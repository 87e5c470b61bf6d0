import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Recurring } from "../../Recurring.ts"
import type { Topic, Topics } from "../../topics/Topics.ts"
import type { Log, MeasuredEnd } from "../Log.ts"
import { ages, exceeds } from "./PartitionRetention.ts"
import type { PartitionRetention, Settled } from "./PartitionRetention.ts"
import type { RetentionLimits, RetentionOf } from "./RetentionOptions.ts"

const KEEP_ALL: RetentionLimits = { retentionMs: -1, retentionBytes: -1 }

/** Until the log start rises, or what is oldest is too old, there is nothing to do. */
const rests = (known: Settled, end: MeasuredEnd, limits: RetentionLimits, nowMs: bigint): boolean => {
  if (known.logStart !== end.logStartOffset || exceeds(end, limits)) return false
  if (!ages(end, limits.retentionMs)) return true
  return known.oldest !== undefined && nowMs - BigInt(limits.retentionMs) <= known.oldest
}

/** A look at every partition of every topic that may have something to lose. */
export const makeCheckTopics = (
  log: Log["Service"],
  topics: Topics["Service"],
  retentionOf: RetentionOf,
  partitions: PartitionRetention,
  trouble: Recurring
): Effect.Effect<void> => {
  /** Of partitions that were looked at. */
  let settled = new Map<number, Settled>()

  let isWhole = true

  const checkTopic = Effect.fnUntraced(function* (topic: Topic, found: Map<number, Settled>) {
    const limits = retentionOf(topic.name) ?? KEEP_ALL
    const ends = yield* log.measured(topic.partitionIds)
    const nowMs = BigInt(yield* Clock.currentTimeMillis)
    for (const [index, partitionId] of topic.partitionIds.entries()) {
      const end = ends[index]!
      if (isKafkaError(end)) continue
      const known = settled.get(partitionId)
      const now =
        known !== undefined && rests(known, end, limits, nowMs)
          ? known
          : yield* Effect.catch(partitions.check(partitionId, end, limits), (error) =>
              Effect.as(trouble.seen(`retention of ${topic.name} goes on later: ${error.message}`), undefined)
            )
      if (now !== undefined) found.set(partitionId, now)
      else isWhole = false
    }
  })

  return Effect.suspend(() => {
    // What is gone is not remembered.
    const found = new Map<number, Settled>()
    isWhole = true
    const settle = Effect.suspend(() => {
      settled = found
      return isWhole ? trouble.over("retention goes on") : Effect.void
    })
    return Effect.andThen(
      Effect.forEach(topics.all(), (topic) => checkTopic(topic, found), { discard: true }),
      settle
    )
  })
}
