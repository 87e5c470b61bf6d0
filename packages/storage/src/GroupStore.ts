import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "./Active.ts"
import { Committer } from "./Committer.ts"
import { Offsets } from "./Offsets.ts"
import { Store } from "./Store.ts"
import type { StoredGroup } from "./Store.ts"
import { toKafkaError } from "./toKafkaError.ts"

export type { StoredGroup } from "./Store.ts"

/** The coordinator's own state, kept as it says. */
export class GroupStore extends Context.Service<
  GroupStore,
  {
    readonly load: Effect.Effect<ReadonlyArray<StoredGroup>, KafkaError>
    /** Returns once stored. */
    readonly put: (group: StoredGroup) => Effect.Effect<void, KafkaError>
    /** The group with all its offsets. */
    readonly remove: (groupId: string) => Effect.Effect<void, KafkaError>
    /** Runs when this broker has taken the cluster over again: what is in memory may be behind what is stored. */
    readonly onTakeOver: (hook: Effect.Effect<void>) => void
  }
>()("@tusk/storage/GroupStore") {
  static readonly layer = Layer.effect(
    GroupStore,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const committer = yield* Committer
      const offsets = yield* Offsets
      return GroupStore.of({
        load: Effect.mapError(store.loadGroups, toKafkaError),
        put: (group) => Effect.mapError(committer.write([{ _tag: "PutGroup", ...group }]), toKafkaError),
        remove: (groupId) =>
          committer
            .decide(
              (writes) => {
                writes.push({ _tag: "DeleteGroup", groupId })
              },
              (_, error) => {
                if (error === undefined) offsets.forgetGroup(groupId)
              }
            )
            .pipe(Effect.mapError(toKafkaError)),
        onTakeOver: (hook) => active.onTakeOver(() => hook)
      })
    })
  )
}
