import { NotCoordinator } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { GroupStore, StoredGroup } from "@tusk/storage/groups/GroupStore"
import { Recurring } from "@tusk/storage/Recurring"
import { ofArea } from "@tusk/storage/logging"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type { GroupKind, Restored } from "../machine/GroupKind.ts"
import type { Stepped } from "../machine/GroupMachine.ts"
import { makeGroupCell } from "./GroupCell.ts"
import type { GroupCellPorts } from "./GroupCell.ts"
import type { AnyCell, GroupKinds, KindName } from "./GroupKinds.ts"
import type { GroupTable } from "./GroupTable.ts"
import { kindCell } from "./KindCell.ts"

type AnyRestored = Restored<unknown, unknown, unknown>

/** Brings stored groups into memory, and makes new ones. */
export class GroupLoader {
  readonly #kinds: GroupKinds
  readonly #store: GroupStore["Service"]
  readonly #table: GroupTable
  readonly #cellPorts: GroupCellPorts
  /** Stored by a program that knows more kinds: nothing is done with them. */
  readonly #foreign = new Set<string>()
  /** Groups that have to be read again from the store; all of them while not `#loaded`. */
  readonly #broken = new Set<string>()
  readonly #loading = Semaphore.makeUnsafe(1)
  #loaded = false
  /** What was read before the last one counts for nothing. */
  #takeOvers = 0
  #losses = 0

  constructor(
    kinds: GroupKinds,
    store: GroupStore["Service"],
    table: GroupTable,
    rest: Pick<GroupCellPorts, "scope" | "rebalanced" | "requestTimeoutMs">
  ) {
    this.#kinds = kinds
    this.#store = store
    this.#table = table
    this.#cellPorts = {
      ...rest,
      trouble: new Recurring("groups"),
      put: store.put,
      remove: store.remove,
      unservedMs: store.unservedMs,
      settled: table.settle,
      broken: (groupId) => {
        this.#losses++
        table.drop(groupId)
        this.#broken.add(groupId)
      }
    }
  }

  /** How often what was in memory had to be given up. A request that waited then may be long gone, or elsewhere. */
  get losses(): number {
    return this.#losses
  }

  isForeign(groupId: string): boolean {
    return this.#foreign.has(groupId)
  }

  /** Its kind by name: what is made of it belongs together, whichever it is. */
  #kindOf(name: KindName) {
    return this.#kinds[name] as unknown as GroupKind<KindName, unknown, unknown, unknown, unknown>
  }

  build(
    name: KindName,
    groupId: string,
    start: (nowMs: number) => Stepped<unknown, unknown, unknown>,
    savedAtMs: number
  ): Effect.Effect<AnyCell> {
    const kind = this.#kindOf(name)
    return Effect.map(
      makeGroupCell(groupId, kind, start, savedAtMs, this.#cellPorts),
      (cell) => kindCell(kind, cell) as unknown as AnyCell
    )
  }

  /** The group in memory: as it is stored, or a new one of this kind. */
  adopt(groupId: string, name: KindName, stored: StoredGroup | undefined): Effect.Effect<AnyCell> {
    return Effect.gen({ self: this }, function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const kind = this.#kindOf(name)
      const restored = stored === undefined ? undefined : yield* told(groupId, kind.restore(stored))
      const cell = yield* restored === undefined
        ? this.build(name, groupId, () => [kind.begin(groupId), []], nowMs)
        : this.build(name, groupId, restored.start, restored.savedAtMs)
      // another fiber may have been here meanwhile: a group has one cell
      const first = this.#table.get(groupId)
      if (first === undefined) this.#table.set(groupId, cell)
      else cell.close()
      return first ?? cell
    })
  }

  #adoptStored(stored: StoredGroup): Effect.Effect<void> {
    const { groupId, kind } = stored
    if (Object.hasOwn(this.#kinds, kind)) return Effect.asVoid(this.adopt(groupId, kind as KindName, stored))
    this.#foreign.add(groupId)
    return ofArea("groups")(
      Effect.logWarning(`group ${JSON.stringify(groupId)} is of kind ${JSON.stringify(kind)}: left alone`)
    )
  }

  /** Until all that is to be read has been. */
  get load(): Effect.Effect<void, KafkaError> {
    return Effect.gen({ self: this }, function* () {
      while (!this.#loaded || this.#broken.size > 0) yield* this.#loadOnce
    }).pipe(this.#loading.withPermit, Effect.uninterruptible)
  }

  get #loadOnce(): Effect.Effect<void, KafkaError> {
    return Effect.gen({ self: this }, function* () {
      const before = this.#takeOvers
      const wanted = this.#loaded ? new Set(this.#broken) : undefined
      const stored = yield* this.#store.load
      if (wanted === undefined) this.#foreign.clear()
      for (const group of stored) {
        if (this.#takeOvers !== before) return
        if (wanted === undefined || wanted.has(group.groupId)) yield* this.#adoptStored(group)
      }
      if (this.#takeOvers !== before) return
      if (wanted === undefined) this.#broken.clear()
      else for (const groupId of wanted) this.#broken.delete(groupId)
      this.#loaded = true
    })
  }

  /** Only while it is known what is stored may anything be answered: of this group, or of all. */
  ready(groupId: string | undefined): Effect.Effect<void, KafkaError> {
    return Effect.suspend(() => {
      const isBroken = groupId === undefined ? this.#broken.size > 0 : this.#broken.has(groupId)
      if (this.#loaded && !isBroken) return Effect.void
      return Effect.mapError(this.load, (cause) => new NotCoordinator({ cause }))
    })
  }

  get takeOver(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#takeOvers++
      this.#losses++
      this.#loaded = false
      this.#table.dropAll()
      return Effect.catch(this.load, (error) => Effect.logWarning(`groups are not loaded yet: ${error._tag}`))
    })
  }
}

/** The log tells what cannot be read; undefined: nothing can. */
const told = (
  groupId: string,
  restored: Result.Result<AnyRestored, string>
): Effect.Effect<AnyRestored | undefined> => {
  const name = JSON.stringify(groupId)
  if (Result.isFailure(restored)) {
    const why = `group ${name} cannot be read and begins anew: ${restored.failure}`
    return Effect.as(ofArea("groups")(Effect.logError(why)), undefined)
  }
  const { unread = [] } = restored.success
  if (unread.length === 0) return Effect.succeed(restored.success)
  const why = `${unread.length} members of group ${name} cannot be read and have to join again, the first is ${unread[0]}`
  return Effect.as(ofArea("groups")(Effect.logError(why)), restored.success)
}
