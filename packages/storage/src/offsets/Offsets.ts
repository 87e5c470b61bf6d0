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

/** The offsets that groups committed. Reads are from memory; a commit is seen once it is stored. */
export class Offsets extends Context.Service<
  Offsets,
  {
    /** Who may commit was checked before. */
    readonly committing: (groupId: string, entries: ReadonlyArray<CommittedOffset>) => Participant<void>
    /** Admitted in the caller's turn, in order; returns once stored. Who may commit was checked before. */
    readonly commit: (groupId: string, entries: ReadonlyArray<CommittedOffset>) => Effect.Effect<void, KafkaError>
    /** By partition id. */
    readonly fetch: (groupId: string) => ReadonlyMap<number, CommittedOffset>
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
        for (const offset of stored) put(offset)
      })
      yield* load
      active.onTakeOver(() => load)

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
