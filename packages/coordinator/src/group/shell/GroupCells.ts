import type { KafkaError } from "@tusk/protocol/KafkaError"
import { GroupIdNotFound, NotCoordinator, PolicyViolation } from "@tusk/protocol/KafkaError"
import { CommitterOptions } from "@tusk/storage/commit/Committer"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CellClosed } from "./GroupCell.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import { GroupCounts } from "./GroupCounts.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import type { GroupKind } from "../machine/GroupKind.ts"
import { GroupLoader } from "./GroupLoader.ts"
import { GroupTable } from "./GroupTable.ts"
import { makeGroupKinds } from "./GroupKinds.ts"
import type { AnyCell, CellOf, GroupKinds, KindName } from "./GroupKinds.ts"
import type { GroupOutput } from "../machine/GroupOutput.ts"
import { askerError, groupIdError } from "../machine/Ids.ts"
import type { Asker } from "../machine/Ids.ts"

/** The first state of a group's machine and what it asks for. */
export type Start<Name extends KindName> =
  GroupKinds[Name] extends GroupKind<Name, infer State, infer _Event, infer Answer, infer Group>
    ? (nowMs: number) => readonly [State, ReadonlyArray<GroupOutput<Answer, Group>>]
    : never

/** The client that asks, and the group that it asks. */
export interface GroupAsker extends Asker {
  readonly groupId: string
}

/** Whether this broker coordinates a group; a client that asks it of another is told to look the coordinator up. */
export const Coordinates = Context.Reference<(groupId: string) => boolean>("@tusk/coordinator/group/Coordinates", {
  defaultValue: () => () => true
})

/**
 * The groups that are in memory: all that are stored, and those that have an id given out or a commit under way. A group
 * id has one group, of one kind.
 */
export class GroupCells extends Context.Service<
  GroupCells,
  {
    readonly kinds: GroupKinds
    /** What is wrong with these ids, in themselves: no group and no member has them. */
    readonly idError: (asker: GroupAsker) => KafkaError | null
    /** Fails if that is so, or another broker coordinates the group; `find` and `findOrMake` look at the group, too. */
    readonly admit: (asker: GroupAsker) => Effect.Effect<void, KafkaError>
    /** Null if no such group is known. A group that only has offsets is an empty classic one. */
    readonly find: (groupId: string) => Effect.Effect<AnyCell | null, KafkaError>
    /** Makes a group of this kind if none is known; else it may be of any kind. POLICY_VIOLATION: there are too many. */
    readonly findOrMake: (groupId: string, kind: KindName) => Effect.Effect<AnyCell, KafkaError>
    /** All that are coordinated here, those that only have offsets too. */
    readonly all: Effect.Effect<ReadonlyArray<AnyCell>, KafkaError>
    /**
     * Makes it a group of another kind. To be run while `from` is held (`exclusive`) and has answered all that wait.
     * What `start` asks for is carried out, so that it may persist the new form.
     */
    readonly convert: <Name extends KindName>(
      from: AnyCell,
      to: Name,
      start: Start<Name>
    ) => Effect.Effect<CellOf<Name>>
    /** Runs `use` with the group as it is now, again if it is replaced on the way. */
    readonly retrying: <A>(use: Effect.Effect<A, KafkaError | CellClosed>) => Effect.Effect<A, KafkaError>
    /** Holds an otherwise empty group while a commit of its first offsets is under way. */
    readonly hold: (groupId: string) => void
    readonly release: (groupId: string) => void
    readonly isHeld: (groupId: string) => boolean
    /** Takes groups out of memory that nothing is known of any more. */
    readonly settle: (groupId: string) => void
  }
>()("@tusk/coordinator/group/shell/GroupCells") {
  /** Loads all groups; fails if they cannot be read. */
  static readonly layer = (config: GroupConfig): Layer.Layer<GroupCells, KafkaError, GroupStore | Offsets> =>
    Layer.effect(GroupCells, make(config))
}

const make = Effect.fnUntraced(function* (config: GroupConfig) {
  const store = yield* GroupStore
  const offsets = yield* Offsets
  const { requestTimeoutMs } = yield* CommitterOptions
  const coordinates = yield* Coordinates
  const kinds = makeGroupKinds(config, yield* GroupConfigs)
  const table = new GroupTable(offsets)
  const { rebalanced } = yield* GroupCounts
  const loader = new GroupLoader(kinds, store, table, { scope: yield* Effect.scope, requestTimeoutMs, rebalanced })
  store.onTakeOver(loader.takeOver)
  yield* loader.load

  const idError = (asker: GroupAsker): KafkaError | null =>
    groupIdError(asker.groupId, config.maxGroupIdBytes) ?? askerError(asker)

  const admit = (asker: GroupAsker): Effect.Effect<void, KafkaError> =>
    Effect.suspend(() => {
      const error = idError(asker)
      if (error !== null) return Effect.fail(error)
      return coordinates(asker.groupId) ? Effect.void : Effect.fail(new NotCoordinator())
    })

  const find = (groupId: string): Effect.Effect<AnyCell | null, KafkaError> =>
    Effect.gen(function* () {
      yield* admit({ groupId })
      yield* loader.ready(groupId)
      const cell = table.get(groupId)
      if (cell !== undefined) return cell
      if (loader.isForeign(groupId)) {
        return yield* new GroupIdNotFound({ message: "a group of a kind not known here" })
      }
      return offsets.fetch(groupId).size > 0 ? yield* loader.adopt(groupId, "classic", undefined) : null
    })

  const findOrMake = (groupId: string, kind: KindName): Effect.Effect<AnyCell, KafkaError> =>
    Effect.gen(function* () {
      const cell = yield* find(groupId)
      if (cell !== null) return cell
      if (table.size >= config.maxGroups) {
        return yield* new PolicyViolation({ message: `there are ${table.size} groups, no more are taken` })
      }
      return yield* loader.adopt(groupId, kind, undefined)
    })

  const all = Effect.gen(function* () {
    yield* loader.ready(undefined)
    for (const groupId of Array.from(offsets.groupIds())) {
      if (table.get(groupId) === undefined && !loader.isForeign(groupId)) {
        yield* loader.adopt(groupId, "classic", undefined)
      }
    }
    return table.all().filter(({ groupId }) => coordinates(groupId))
  })

  const retrying = <A>(use: Effect.Effect<A, KafkaError | CellClosed>): Effect.Effect<A, KafkaError> =>
    Effect.suspend(() => {
      const before = loader.losses
      return Effect.catchTag(use, "CellClosed", () =>
        loader.losses === before ? retrying(use) : Effect.fail(new NotCoordinator())
      )
    })

  const { hold, isHeld, release, settle } = table
  const convert = makeConvert(store, loader, table)
  return GroupCells.of({
    kinds,
    idError,
    admit,
    find,
    findOrMake,
    all,
    convert,
    retrying,
    settle,
    hold,
    release,
    isHeld
  })
})

const makeConvert = (store: GroupStore["Service"], loader: GroupLoader, table: GroupTable) => {
  /** If that fails they stay, but are never read: a kind that stores members of this group again begins with none. */
  const forgetMembers = (groupId: string): Effect.Effect<void> =>
    Effect.ignore(store.put({ groupId, kind: "classic", value: null, membersAnew: true }))

  return <Name extends KindName>(from: AnyCell, to: Name, start: Start<Name>) =>
    Effect.gen(function* () {
      const cell = yield* loader.build(to, from.groupId, start, yield* Clock.currentTimeMillis)
      // If its first state could not be stored, both are gone by now, and are read again.
      if (cell.isOpen()) {
        from.close()
        table.set(from.groupId, cell)
        // Rows of members that the new kind does not know; what it keeps of its own it has written anew.
        if (to === "classic") yield* forgetMembers(from.groupId)
      }
      return cell as CellOf<Name>
    }).pipe(Effect.uninterruptible)
}
