import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import type { Participant } from "../commit/Participant.ts"
import { writing } from "../commit/Participant.ts"
import { Store } from "../port/Store.ts"

/**
 * What groups consume in SQL, as far as the broker has been told: for these partitions no Kafka client commits. The
 * database has room for 100,000 of them.
 */
export class SqlClaims extends Context.Service<
  SqlClaims,
  {
    readonly has: (groupId: string, partitionId: number) => boolean
    /** Of a partition that is claimed already, too. */
    readonly claimed: (groupId: string, partitionId: number) => void
    readonly released: (groupId: string, partitionId: number) => void
    /** Part of the commit that deletes the partitions' topic. */
    readonly forgetting: (partitionIds: ReadonlyArray<number>) => Participant<void>
  }
>()("@tusk/storage/offsets/SqlClaims") {
  static readonly layer = Layer.effect(
    SqlClaims,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      let groups = new Map<string, Set<number>>()

      const claimed = (groupId: string, partitionId: number): void => {
        const partitions = groups.get(groupId)
        if (partitions === undefined) groups.set(groupId, new Set([partitionId]))
        else partitions.add(partitionId)
      }
      const released = (groupId: string, partitionId: number): void => {
        const partitions = groups.get(groupId)
        if (partitions?.delete(partitionId) === true && partitions.size === 0) groups.delete(groupId)
      }
      const load = Effect.map(store.loadClaims, (stored) => {
        groups = new Map()
        for (const { groupId, partitionId } of stored) claimed(groupId, partitionId)
      })
      yield* load
      active.onTakeOver(() => load)

      return SqlClaims.of({
        has: (groupId, partitionId) => groups.get(groupId)?.has(partitionId) === true,
        claimed,
        released,
        forgetting: (partitionIds) =>
          writing([], () => {
            for (const groupId of Array.from(groups.keys())) {
              for (const partitionId of partitionIds) released(groupId, partitionId)
            }
          })
      })
    })
  )
}
