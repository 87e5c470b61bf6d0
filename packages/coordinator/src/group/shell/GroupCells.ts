import type { KafkaError } from "@tusk/protocol/KafkaError"
import { GroupIdNotFound, NotCoordinator, PolicyViolation } from "@tusk/protocol/KafkaError"
import { CommitterOptions } from "@tusk/storage/commit/Committer"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import type { StoredGroup } from "@tusk/storage/groups/GroupStore"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { makeGroupCell } from "./GroupCell.ts"
import type { CellClosed, GroupCellPorts } from "./GroupCell.ts"
import type { GroupConfig } from "./GroupConfig.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import type { GroupKind } from "../machine/GroupKind.ts"
import { makeGroupKinds } from "./GroupKinds.ts"
import { kindCell } from "./KindCell.ts"
import type { AnyCell, CellOf, GroupKinds, KindName } from "./GroupKinds.ts"
import type { GroupOutput } from "../machine/GroupOutput.ts"
import { askerError, groupIdError } from "../machine/Ids.ts"
import type { Asker } from "../machine/Ids.ts"

/** The first state of a group's machine and what it asks for. */
export type Start<Name extends KindName> =
  GroupKinds[Name] extends GroupKind<Name, infer State, infer _Event, infer Answer, infer Group>
    ? (nowMs: number) => readonly [State, ReadonlyArray<GroupOutput<Answer, Group>>]
    : never

/** Who asks something of which group. */
export interface GroupAsker extends Asker {
  readonly groupId: string
}

/** Whether this broker coordinates a group; who asks it of another is told to look the coordinator up. */
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
    /** Fails where that is so, or another broker coordinates the group; `find` and `findOrMake` look at the group, too. */
    readonly admit: (asker: GroupAsker) => Effect.Effect<void, KafkaError>
    /** Null where no such group is known. A group that only has offsets is an empty classic one. */
    readonly find: (groupId: string) => Effect.Effect<AnyCell | null, KafkaError>
    /** Makes a group of this kind if none is known; else it may be of any kind. POLICY_VIOLATION: there are too many. */
    readonly findOrMake: (groupId: string, kind: KindName) => Effect.Effect<AnyCell, KafkaError>
    /** All that are coordinated here, those that only have offsets too. */
    readonly all: Effect.Effect<ReadonlyArray<AnyCell>, KafkaError>
    /**
     * Makes it a group of another kind. To be run while `from` is held (`exclusive`) and has answered all who wait. What
     * `start` asks for is carried out, so that it may persist the new form.
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
  /** Loads all groups; fails where they cannot be read. */
  static readonly layer = (config: GroupConfig): Layer.Layer<GroupCells, KafkaError, GroupStore | Offsets> =>
    Layer.effect(GroupCells, make(config))
}

const make = Effect.fnUntraced(function* (config: GroupConfig) {
  const store = yield* GroupStore
  const offsets = yield* Offsets
  const { requestTimeoutMs } = yield* CommitterOptions
  const scope = yield* Effect.scope
  const coordinates = yield* Coordinates
  const kinds = makeGroupKinds(config, yield* GroupConfigs)
  const cells = new Map<string, AnyCell>()
  const held = new Map<string, number>()
  /** Stored by a program that knows more kinds: nothing is done with them. */
  const foreign = new Set<string>()
  /** Groups whose stored state has to be read again; all of them while not `loaded`. */
  const broken = new Set<string>()
  const loading = Semaphore.makeUnsafe(1)
  let loaded = false
  /** What was read before the last one counts for nothing. */
  let takeOvers = 0
  /** How often what was in memory had to be given up. Who waited for it then may be long gone, or elsewhere. */
  let losses = 0

  const drop = (groupId: string): void => {
    cells.get(groupId)?.close()
    cells.delete(groupId)
  }
  const settle = (groupId: string): void => {
    const cell = cells.get(groupId)
    if (cell === undefined || !cell.isVacant()) return
    const needed = cell.waiting() > 0 || held.has(groupId) || offsets.fetch(groupId).size > 0
    if (cell.isDead() || !needed) drop(groupId)
  }

  const ports: GroupCellPorts = {
    put: store.put,
    remove: store.remove,
    scope,
    requestTimeoutMs,
    unservedMs: store.unservedMs,
    settled: settle,
    broken: (groupId) => {
      losses++
      drop(groupId)
      broken.add(groupId)
    }
  }

  /** Its kind by name: what is made of it belongs together, whichever it is. */
  const kindOf = (name: KindName) => kinds[name] as unknown as GroupKind<KindName, unknown, unknown, unknown, unknown>

  const build = (
    name: KindName,
    groupId: string,
    start: (nowMs: number) => readonly [unknown, ReadonlyArray<GroupOutput<unknown, unknown>>],
    savedAtMs: number
  ): Effect.Effect<AnyCell> => {
    const kind = kindOf(name)
    return Effect.map(
      makeGroupCell(groupId, kind, start, savedAtMs, ports),
      (cell) => kindCell(kind, cell) as unknown as AnyCell
    )
  }

  const adopt = (groupId: string, name: KindName, stored: StoredGroup | undefined) =>
    Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const kind = kindOf(name)
      const record = stored === undefined ? undefined : kind.restore(stored)
      if (record !== undefined && Result.isFailure(record)) {
        yield* Effect.logError(`group ${JSON.stringify(groupId)} cannot be read and begins anew: ${record.failure}`)
      }
      const unread = record !== undefined && Result.isSuccess(record) ? (record.success.unread ?? []) : []
      if (unread.length > 0) {
        const name = `${unread.length} members of group ${JSON.stringify(groupId)}`
        yield* Effect.logError(`${name} cannot be read and have to join again, the first is ${unread[0]}`)
      }
      const cell = yield* record !== undefined && Result.isSuccess(record)
        ? build(name, groupId, record.success.start, record.success.savedAtMs)
        : build(name, groupId, () => [kind.begin(groupId), []], nowMs)
      // another fiber may have been here meanwhile: a group has one cell
      const first = cells.get(groupId)
      if (first === undefined) cells.set(groupId, cell)
      else cell.close()
      return first ?? cell
    })

  const adoptStored = Effect.fnUntraced(function* (stored: StoredGroup) {
    const { groupId, kind } = stored
    if (Object.hasOwn(kinds, kind)) return void (yield* adopt(groupId, kind as KindName, stored))
    foreign.add(groupId)
    yield* Effect.logWarning(`group ${JSON.stringify(groupId)} is of kind ${JSON.stringify(kind)}: left alone`)
  })

  const load = Effect.gen(function* () {
    while (!loaded || broken.size > 0) {
      const before = takeOvers
      const wanted = loaded ? new Set(broken) : undefined
      const stored = yield* store.load
      if (wanted === undefined) foreign.clear()
      for (const group of stored) {
        if (takeOvers !== before) break
        if (wanted === undefined || wanted.has(group.groupId)) yield* adoptStored(group)
      }
      if (takeOvers !== before) continue
      if (wanted === undefined) broken.clear()
      else for (const groupId of wanted) broken.delete(groupId)
      loaded = true
    }
  }).pipe(loading.withPermit, Effect.uninterruptible)

  /** Only while it is known what is stored may anything be answered. */
  const ready = (groupId: string | undefined): Effect.Effect<void, KafkaError> =>
    Effect.suspend(() => {
      const known = loaded && (groupId === undefined ? broken.size === 0 : !broken.has(groupId))
      return known ? Effect.void : Effect.mapError(load, (cause) => new NotCoordinator({ cause }))
    })

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
      yield* ready(groupId)
      const cell = cells.get(groupId)
      if (cell !== undefined) return cell
      if (foreign.has(groupId)) return yield* new GroupIdNotFound({ message: "a group of a kind not known here" })
      return offsets.fetch(groupId).size > 0 ? yield* adopt(groupId, "classic", undefined) : null
    })

  const findOrMake = (groupId: string, kind: KindName): Effect.Effect<AnyCell, KafkaError> =>
    Effect.gen(function* () {
      const cell = yield* find(groupId)
      if (cell !== null) return cell
      if (cells.size >= config.maxGroups) {
        return yield* new PolicyViolation({ message: `there are ${cells.size} groups, no more are taken` })
      }
      return yield* adopt(groupId, kind, undefined)
    })

  /** Where that fails they stay, for nobody to read: whoever stores members of this group again begins with none. */
  const forgetMembers = (groupId: string): Effect.Effect<void> =>
    Effect.ignore(store.put({ groupId, kind: "classic", value: null, membersAnew: true }))

  const convert = <Name extends KindName>(from: AnyCell, to: Name, start: Start<Name>) =>
    Effect.gen(function* () {
      const cell = yield* build(to, from.groupId, start, yield* Clock.currentTimeMillis)
      // Where its first state could not be stored, both are gone by now, and are read again.
      if (cell.isOpen()) {
        from.close()
        cells.set(from.groupId, cell)
        // Rows of members that the new kind does not know; what it keeps of its own it has written anew.
        if (to === "classic") yield* forgetMembers(from.groupId)
      }
      return cell as CellOf<Name>
    }).pipe(Effect.uninterruptible)

  const all = Effect.gen(function* () {
    yield* ready(undefined)
    for (const groupId of Array.from(offsets.groupIds())) {
      if (!cells.has(groupId) && !foreign.has(groupId)) yield* adopt(groupId, "classic", undefined)
    }
    return Array.from(cells.values()).filter(({ groupId }) => coordinates(groupId))
  })

  store.onTakeOver(
    Effect.gen(function* () {
      takeOvers++
      losses++
      loaded = false
      for (const groupId of Array.from(cells.keys())) drop(groupId)
      yield* Effect.catch(load, (error) => Effect.logWarning(`groups are not loaded yet: ${error._tag}`))
    })
  )
  yield* load

  const retrying = <A>(use: Effect.Effect<A, KafkaError | CellClosed>): Effect.Effect<A, KafkaError> =>
    Effect.suspend(() => {
      const before = losses
      return Effect.catchTag(use, "CellClosed", () =>
        losses === before ? retrying(use) : Effect.fail(new NotCoordinator())
      )
    })

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
    hold: (groupId) => held.set(groupId, (held.get(groupId) ?? 0) + 1),
    release: (groupId) => {
      const count = (held.get(groupId) ?? 0) - 1
      if (count <= 0) held.delete(groupId)
      else held.set(groupId, count)
    },
    isHeld: (groupId) => held.has(groupId)
  })
})
