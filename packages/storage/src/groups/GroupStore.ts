import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { Committer } from "../commit/Committer.ts"
import { makeDeletionHooks } from "../commit/OnDeleted.ts"
import type { OnDeleted } from "../commit/OnDeleted.ts"
import { join, writing } from "../commit/Participant.ts"
import type { Participant } from "../commit/Participant.ts"
import { Store } from "../port/Store.ts"
import { toKafkaError } from "../port/toKafkaError.ts"
import type { GroupToStore, StoredGroup } from "./StoredGroup.ts"
import { fromRows, writesOf } from "./groupRows.ts"

export type { GroupToStore, StoredGroup } from "./StoredGroup.ts"

/** The coordinator's own state, kept as it says. */
export class GroupStore extends Context.Service<
  GroupStore,
  {
    readonly load: Effect.Effect<ReadonlyArray<StoredGroup>, KafkaError>
    readonly putting: (group: GroupToStore) => Participant<void>
    /**
     * Returns once stored. Without a time, however long that takes: a caller that has decided already is ahead of the
     * store until it is known.
     */
    readonly put: (group: GroupToStore, timeoutMs?: number) => Effect.Effect<void, KafkaError>
    /** The group with all its members and offsets. */
    readonly remove: (groupId: string) => Effect.Effect<void, KafkaError>
    /** For a service that keeps something of groups: called with the id of each that is deleted. */
    readonly onDeleted: (hook: OnDeleted<string>) => void
    /** How long in all no member could be answered, in milliseconds: a group's time stands still then. */
    readonly unservedMs: () => number
    /** Runs when this broker has taken the cluster over again: what is in memory may be behind what is stored. */
    readonly onTakeOver: (hook: Effect.Effect<void>) => void
  }
>()("@tusk/storage/groups/GroupStore") {
  static readonly layer = Layer.effect(
    GroupStore,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const committer = yield* Committer
      const deletion = makeDeletionHooks<string>()
      const putting = (group: GroupToStore) => writing(writesOf(group))
      return GroupStore.of({
        load: Effect.mapBoth(store.loadGroups, {
          onFailure: toKafkaError,
          onSuccess: (groups) => groups.map(fromRows)
        }),
        putting,
        put: (group, timeoutMs = Infinity) => committer.submit(putting(group), timeoutMs),
        remove: (groupId) =>
          Effect.suspend(() =>
            committer.submit(join(writing([{ _tag: "DeleteGroup", groupId }]), deletion.joined(groupId)), Infinity)
          ).pipe(Effect.andThen(Effect.suspend(() => deletion.after(groupId)))),
        onDeleted: deletion.onDeleted,
        unservedMs: active.unservedMs,
        onTakeOver: (hook) => active.onTakeOver(() => hook)
      })
    })
  )
}
