import type { CommittedOffset, Offsets } from "@tusk/storage/offsets/Offsets"
import type { Topics } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { GroupCells } from "./GroupCells.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import type { AnyCell } from "./GroupKinds.ts"

/**
 * `offsets.retention.minutes`: at times deletes what no group needs any more (KIP-211). Of a group without members
 * that is all, and the time counts from when the group became empty; for a group that never had members, from each
 * commit. Of one with members it is what none of them is subscribed to, since its commit. A group without members
 * goes with its last offset. What an open transaction has offsets for stays.
 */
export const expireOffsets = (
  config: GroupConfig,
  cells: Context.Service.Shape<typeof GroupCells>,
  offsets: Context.Service.Shape<typeof Offsets>,
  topics: Context.Service.Shape<typeof Topics>
): Effect.Effect<void> => {
  const expireGroup = (cell: AnyCell) =>
    cell.exclusive((remove) =>
      Effect.gen(function* () {
        const expiry = cell.expiry()
        if (expiry === null || cells.isHeld(cell.groupId)) return
        const nowMs = yield* Clock.currentTimeMillis
        const isExpired = (offset: CommittedOffset): boolean => {
          if (offset.expireTimestamp >= 0n) return BigInt(nowMs) >= offset.expireTimestamp
          const sinceMs = expiry.since === "commit" ? Number(offset.commitTimestamp) : cell.changedAtMs()
          return nowMs - sinceMs >= config.offsetsRetentionMs
        }
        const { keeps } = expiry
        const pending = offsets.pending(cell.groupId)
        const isKept = ({ partitionId }: CommittedOffset): boolean => {
          if (pending.has(partitionId)) return true
          if (keeps === null) return false
          const topic = topics.ofPartition(partitionId)?.topic
          // With a topic that is deleted its offsets go.
          return topic === undefined || keeps(topic.name)
        }
        const held = offsets.fetch(cell.groupId)
        const expired = Array.from(held.values()).filter((offset) => !isKept(offset) && isExpired(offset))
        if (expired.length < held.size || keeps !== null || pending.size > 0) {
          if (expired.length === 0) return
          const partitionIds = expired.map(({ partitionId }) => partitionId)
          yield* offsets.remove(cell.groupId, partitionIds)
        } else if (held.size > 0 || expiry.isStored) {
          yield* remove
        }
      })
    )

  return Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(config.offsetsRetentionCheckIntervalMs)
      yield* Effect.flatMap(cells.all, (all) => Effect.forEach(all, expireGroup, { discard: true })).pipe(
        Effect.catch((error) => Effect.logWarning(`offsets are not expired this time: ${error._tag}`))
      )
    }
  })
}
