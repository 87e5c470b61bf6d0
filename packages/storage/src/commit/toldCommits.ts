import * as Effect from "effect/Effect"
import { ofArea } from "../logging.ts"
import type { Area } from "../logging.ts"
import type { Unit, Write } from "../port/Write.ts"
import { unitBytes } from "../writes/unitBytes.ts"

/** Lines of what one commit does to topics and configs; the rest is counted. */
const MOST_LINES = 100

/** What a debug line tells of a write; undefined: none is worth it. */
const lineOf = (write: Write): readonly [message: string, fields: Record<string, unknown>] | undefined => {
  switch (write._tag) {
    case "PutTopic":
      return ["topic is made", { topic: write.name, topicId: write.topicId }]
    case "PutPartition":
      return ["partition is made", { topicId: write.topicId, partition: write.index, partitionId: write.partitionId }]
    case "DeleteTopic":
      return ["topic is deleted", { topicId: write.topicId }]
    case "PutConfig": {
      const { name, resourceName, resourceType, value } = write
      return [value === null ? "config is taken away" : "config is set", { resourceType, resourceName, name }]
    }
    default:
      return undefined
  }
}

const debug = (area: Area, message: string, fields: Record<string, unknown>): Effect.Effect<void> =>
  ofArea(area)(Effect.annotateLogs(Effect.logDebug(message), fields))

/** A commit that is stored, and what it does to topics, at debug. */
export const tellStored = (units: ReadonlyArray<Unit>, tookMs: number): Effect.Effect<void> => {
  let batches = 0
  let bytes = 0
  const others: Array<Effect.Effect<void>> = []
  for (const unit of units) {
    bytes += unitBytes(unit)
    for (const write of unit) {
      if (write._tag === "Append") batches++
      const line = lineOf(write)
      if (line !== undefined && others.length < MOST_LINES) others.push(debug("topics", ...line))
    }
  }
  const fields = { units: units.length, batches, bytes, ms: Math.round(tookMs) }
  return Effect.andThen(debug("commit", "commit is stored", fields), Effect.all(others, { discard: true }))
}
