import type { CommittedOffset, Offsets } from "@tusk/storage/Offsets"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Event } from "./classic/ClassicGroupState.ts"
import { NOBODY } from "./GroupCell.ts"
import type { ClassicCell, GroupCells } from "./GroupCells.ts"
import type { GroupConfig } from "./GroupConfig.ts"

/**
 * `offsets.retention.minutes`: every so often deletes what groups without members left behind (KIP-211). The time
 * counts from when the group became empty; for a group that never had members, from each commit. A group whose last
 * offset goes, goes too.
 */
export const expireOffsets = (
  config: GroupConfig,
  cells: GroupCells,
  offsets: Context.Service.Shape<typeof Offsets>
): Effect.Effect<void> => {
  const expireGroup = (cell: ClassicCell) =>
    cell.exclusive((send) =>
      Effect.gen(function* () {
        const { phase, pendingMembers, protocolType, generationId } = cell.peek()
        if (phase !== "Empty" || pendingMembers.size > 0 || cells.isHeld(cell.groupId)) return
        const nowMs = yield* Clock.currentTimeMillis
        const isExpired = (offset: CommittedOffset): boolean => {
          if (offset.expireTimestamp >= 0n) return BigInt(nowMs) >= offset.expireTimestamp
          const sinceMs = protocolType === null ? Number(offset.commitTimestamp) : cell.changedAtMs()
          return nowMs - sinceMs >= config.offsetsRetentionMs
        }
        const held = offsets.fetch(cell.groupId)
        const expired = Array.from(held.values()).filter(isExpired)
        if (expired.length < held.size) {
          if (expired.length === 0) return
          const partitionIds = expired.map(({ partitionId }) => partitionId)
          yield* offsets.remove(cell.groupId, partitionIds)
        } else if (held.size > 0 || generationId > 0) {
          yield* send(Event.Delete({ waiter: NOBODY }))
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
