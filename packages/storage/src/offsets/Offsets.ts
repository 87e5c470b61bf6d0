import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { Committer } from "../commit/Committer.ts"
import type { Participant } from "../commit/Participant.ts"
import { writing } from "../commit/Participant.ts"
import { Store } from "../port/Store.ts"
import type { StoredOffset } from "../port/StateLoader.ts"
import type { Write } from "../port/Write.ts"

export type CommittedOffset = Omit<StoredOffset, "groupId">

const NONE: ReadonlyMap<number, CommittedOffset> = new Map()
const NOTHING_PENDING: ReadonlyMap<number, number> = new Map()

/** The offsets that groups committed. Reads are from memory; a commit is seen once it is stored. */
export class Offsets extends Context.Service<
  Offsets,
  {
    /** The right to commit was checked before. */
    readonly committing: (groupId: string, entries: ReadonlyArray<CommittedOffset>) => Participant<void>
    /** Admitted in the caller's turn, in order; returns once stored. The right to commit was checked before. */
    readonly commit: (groupId: string, entries: ReadonlyArray<CommittedOffset>) => Effect.Effect<void, KafkaError>
    /** By partition id. */
    readonly fetch: (groupId: string) => ReadonlyMap<number, CommittedOffset>
    /**
     * Notes that an open transaction has offsets of a group for so many more, or with -1 fewer, of these partitions.
     * The service that keeps transactions does so anew after a take-over.
     */
    readonly pend: (groupId: string, partitionIds: Iterable<number>, by: 1 | -1) => void
    /** By partition id: how many open transactions have offsets of the group for it. */
    readonly pending: (groupId: string) => ReadonlyMap<number, number>
    /** Groups that have any. */
    readonly groupIds: () => Iterable<string>
    readonly removing: (groupId: string, partitionIds: ReadonlyArray<number>) => Participant<void>
    readonly remove: (groupId: string, partitionIds: ReadonlyArray<number>) => Effect.Effect<void, KafkaError>
    /** Part of the commit that deletes the partitions' topic: the store takes their offsets with it. */
    readonly forgetting: (partitionIds: ReadonlyArray<number>) => Participant<void>
    /** Part of the commit that deletes the group: the store takes its offsets with it. */
    readonly forgettingGroup: (groupId: string) => Participant<void>
  }
>()("@tusk/storage/offsets/Offsets") {
  static readonly layer = Layer.effect(
    Offsets,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const committer = yield* Committer
      let groups = new Map<string, Map<number, CommittedOffset>>()
      let pending = new Map<string, Map<number, number>>()

      const put = ({ groupId, ...offset }: StoredOffset): void => {
        let offsets = groups.get(groupId)
        if (offsets === undefined) groups.set(groupId, (offsets = new Map()))
        offsets.set(offset.partitionId, offset)
      }
      const drop = (groupId: string, partitionId: number): void => {
        const offsets = groups.get(groupId)
        if (offsets?.delete(partitionId) === true && offsets.size === 0) groups.delete(groupId)
      }
      const load = Effect.map(store.loadOffsets, (stored) => {
        groups = new Map()
        pending = new Map()
        for (const offset of stored) put(offset)
      })
      yield* load
      active.onTakeOver(() => load)

      const pend = (groupId: string, partitionIds: Iterable<number>, by: 1 | -1): void => {
        const counts = pending.get(groupId) ?? new Map<number, number>()
        for (const partitionId of partitionIds) {
          const count = (counts.get(partitionId) ?? 0) + by
          if (count > 0) counts.set(partitionId, count)
          else counts.delete(partitionId)
        }
        if (counts.size > 0) pending.set(groupId, counts)
        else pending.delete(groupId)
      }

      /** Seen in the Committer's turn, so that the last commit stored is the one seen. */
      const committing = (groupId: string, entries: ReadonlyArray<CommittedOffset>): Participant<void> =>
        writing(
          entries.map((entry): Write => ({ _tag: "PutOffset", groupId, ...entry })),
          () => {
            for (const entry of entries) put({ groupId, ...entry })
          }
        )
      const removing = (groupId: string, partitionIds: ReadonlyArray<number>): Participant<void> =>
        writing(
          partitionIds.map((partitionId): Write => ({ _tag: "DeleteOffset", groupId, partitionId })),
          () => {
            for (const partitionId of partitionIds) drop(groupId, partitionId)
          }
        )

      return Offsets.of({
        committing,
        commit: (groupId, entries) => committer.submit(committing(groupId, entries)),
        fetch: (groupId) => groups.get(groupId) ?? NONE,
        pend,
        pending: (groupId) => pending.get(groupId) ?? NOTHING_PENDING,
        groupIds: () => groups.keys(),
        removing,
        remove: (groupId, partitionIds) => committer.submit(removing(groupId, partitionIds)),
        forgetting: (partitionIds) =>
          writing([], () => {
            for (const groupId of Array.from(groups.keys())) {
              for (const partitionId of partitionIds) drop(groupId, partitionId)
            }
          }),
        forgettingGroup: (groupId) => writing([], () => void groups.delete(groupId))
      })
    })
  )
}
