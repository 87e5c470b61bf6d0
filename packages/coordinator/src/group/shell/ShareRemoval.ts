import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { ShareCell, SharePartitionCells } from "./SharePartitionCells.ts"
import type { SharePartitionRows } from "./SharePartitionRows.ts"

/** Behind what the cell stores now; it stores nothing meanwhile. */
const whileHeld = (cell: ShareCell, body: Effect.Effect<void, KafkaError>): Effect.Effect<void, KafkaError> =>
  Effect.suspend(() => {
    let hasRun = false
    const once = Effect.suspend(() => {
      hasRun = true
      return body
    })
    // A cell that was closed on the way runs nothing any more.
    return Effect.andThen(
      cell.exclusive(() => once),
      Effect.suspend(() => (hasRun ? Effect.void : body))
    )
  })

/** Takes away what groups have done with their partitions. */
export const makeRemoval = (rows: SharePartitionRows, cells: SharePartitionCells, timeoutMs: number) => {
  const remove = (groupId: string, partitionIds: ReadonlyArray<number>): Effect.Effect<void, KafkaError> => {
    const gone = partitionIds.map((partitionId) => ({ partitionId, value: null }))
    const removed = Effect.map(rows.put(groupId, gone, timeoutMs), () => {
      for (const partitionId of partitionIds) cells.close(groupId, partitionId)
    })
    return cells.whileNoneOpens(
      Effect.suspend(() => {
        const there = partitionIds.flatMap((partitionId) => cells.find(groupId, partitionId) ?? [])
        return there.reduce<Effect.Effect<void, KafkaError>>((body, cell) => whileHeld(cell, body), removed)
      })
    )
  }

  /** The partitions' topic is deleted. If this fails, rows stay that are never read: partition ids are given once. */
  const forgetPartitions = (partitionIds: ReadonlyArray<number>): Effect.Effect<void> =>
    Effect.flatMap(rows.all, (all) =>
      Effect.forEach(
        Array.from(all),
        ([groupId, partitions]) => {
          const gone = partitionIds.filter((partitionId) => partitions.has(partitionId))
          return gone.length > 0 ? remove(groupId, gone) : Effect.void
        },
        { discard: true }
      )
    ).pipe(Effect.ignore)

  return { remove, forgetPartitions }
}
