import type { KafkaError } from "@tusk/protocol/KafkaError"
import { NotCoordinator, PolicyViolation } from "@tusk/protocol/KafkaError"
import { GroupStore } from "@tusk/storage/GroupStore"
import type { StoredGroup } from "@tusk/storage/GroupStore"
import { Offsets } from "@tusk/storage/Offsets"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { isVacant, restore, step } from "./classic/ClassicGroup.ts"
import { Event, empty } from "./classic/ClassicGroupState.ts"
import type { Answer, ClassicGroupState, PersistedGroup } from "./classic/ClassicGroupState.ts"
import { decode, encode } from "./classic/GroupRecord.ts"
import { makeGroupCell } from "./GroupCell.ts"
import type { CellClosed, GroupCell, GroupCellPorts, GroupMachine } from "./GroupCell.ts"
import type { GroupConfig } from "./GroupConfig.ts"

export type ClassicCell = GroupCell<ClassicGroupState, Event, Answer>

const classic: GroupMachine<ClassicGroupState, Event, Answer, PersistedGroup> = {
  kind: "classic",
  step,
  tick: Event.Tick(),
  encode: (group, savedAtMs) => encode({ group, savedAtMs })
}

/** The groups that are in memory: all that are stored, and those that have an id given out or a commit under way. */
export interface GroupCells {
  /** Null where no such group is known. A group that only has offsets is an empty one. */
  readonly find: (groupId: string) => Effect.Effect<ClassicCell | null, KafkaError>
  /** Makes the group if it is not known. POLICY_VIOLATION where there are too many. */
  readonly findOrMake: (groupId: string) => Effect.Effect<ClassicCell, KafkaError>
  /** All of them, those that only have offsets too. */
  readonly all: Effect.Effect<ReadonlyArray<ClassicCell>, KafkaError>
  /** Runs `use` with the group as it is now, again if it is replaced on the way. */
  readonly retrying: <A>(use: Effect.Effect<A, KafkaError | CellClosed>) => Effect.Effect<A, KafkaError>
  /** Holds an otherwise empty group while a commit of its first offsets is under way. */
  readonly hold: (groupId: string) => void
  readonly release: (groupId: string) => void
  readonly isHeld: (groupId: string) => boolean
  /** Takes groups out of memory that nothing is known of any more. */
  readonly settle: (groupId: string) => void
}

/** Loads all groups; fails where they cannot be read. */
export const makeGroupCells = (
  config: GroupConfig
): Effect.Effect<GroupCells, KafkaError, GroupStore | Offsets | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* GroupStore
    const offsets = yield* Offsets
    const scope = yield* Effect.scope
    const cells = new Map<string, ClassicCell>()
    const held = new Map<string, number>()
    /** Groups whose stored state has to be read again; all of them while not `loaded`. */
    const broken = new Set<string>()
    const loading = Semaphore.makeUnsafe(1)
    let loaded = false
    /** What was read before the last one counts for nothing. */
    let takeOvers = 0

    const drop = (groupId: string): void => {
      cells.get(groupId)?.close()
      cells.delete(groupId)
    }
    const settle = (groupId: string): void => {
      const cell = cells.get(groupId)
      if (cell === undefined || !isVacant(cell.peek())) return
      const needed = cell.waiting() > 0 || held.has(groupId) || offsets.fetch(groupId).size > 0
      if (cell.peek().phase === "Dead" || !needed) drop(groupId)
    }

    const ports: GroupCellPorts = {
      put: store.put,
      remove: store.remove,
      scope,
      settled: settle,
      broken: (groupId) => {
        drop(groupId)
        broken.add(groupId)
      }
    }

    const adopt = (groupId: string, stored: StoredGroup | undefined) =>
      Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const record = stored === undefined ? undefined : decode(stored.value)
        if (record !== undefined && Result.isFailure(record)) {
          yield* Effect.logError(`group ${JSON.stringify(groupId)} cannot be read and begins anew: ${record.failure}`)
        }
        const cell = yield* record !== undefined && Result.isSuccess(record)
          ? makeGroupCell(
              groupId,
              classic,
              (now) => restore(config, record.success.group, now),
              record.success.savedAtMs,
              ports
            )
          : makeGroupCell(groupId, classic, () => [empty(config), []], nowMs, ports)
        // another fiber may have been here meanwhile: a group has one cell
        const first = cells.get(groupId)
        if (first === undefined) cells.set(groupId, cell)
        else cell.close()
        return first ?? cell
      })

    const load = Effect.gen(function* () {
      while (!loaded || broken.size > 0) {
        const before = takeOvers
        const wanted = loaded ? new Set(broken) : undefined
        const stored = yield* store.load
        for (const group of stored) {
          if (takeOvers !== before) break
          if (group.kind !== classic.kind) {
            yield* Effect.logWarning(`group ${JSON.stringify(group.groupId)} is of kind ${group.kind}: left alone`)
          } else if (wanted === undefined || wanted.has(group.groupId)) {
            yield* adopt(group.groupId, group)
          }
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

    const find = (groupId: string): Effect.Effect<ClassicCell | null, KafkaError> =>
      Effect.gen(function* () {
        yield* ready(groupId)
        const cell = cells.get(groupId)
        if (cell !== undefined) return cell
        return offsets.fetch(groupId).size > 0 ? yield* adopt(groupId, undefined) : null
      })

    const findOrMake = (groupId: string): Effect.Effect<ClassicCell, KafkaError> =>
      Effect.gen(function* () {
        const cell = yield* find(groupId)
        if (cell !== null) return cell
        if (cells.size >= config.maxGroups) {
          return yield* new PolicyViolation({ message: `there are ${cells.size} groups, no more are taken` })
        }
        return yield* adopt(groupId, undefined)
      })

    const all = Effect.gen(function* () {
      yield* ready(undefined)
      for (const groupId of Array.from(offsets.groupIds())) {
        if (!cells.has(groupId)) yield* adopt(groupId, undefined)
      }
      return Array.from(cells.values())
    })

    store.onTakeOver(
      Effect.gen(function* () {
        takeOvers++
        loaded = false
        for (const groupId of Array.from(cells.keys())) drop(groupId)
        yield* Effect.catch(load, (error) => Effect.logWarning(`groups are not loaded yet: ${error._tag}`))
      })
    )
    yield* load

    const retrying = <A>(use: Effect.Effect<A, KafkaError | CellClosed>): Effect.Effect<A, KafkaError> =>
      Effect.catchTag(use, "CellClosed", () => retrying(use))

    return {
      find,
      findOrMake,
      all,
      retrying,
      settle,
      hold: (groupId) => held.set(groupId, (held.get(groupId) ?? 0) + 1),
      release: (groupId) => {
        const count = (held.get(groupId) ?? 0) - 1
        if (count <= 0) held.delete(groupId)
        else held.set(groupId, count)
      },
      isHeld: (groupId) => held.has(groupId)
    }
  })
