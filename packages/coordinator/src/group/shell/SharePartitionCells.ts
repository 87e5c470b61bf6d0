import { CoordinatorNotAvailable, KafkaStorageError, NotCoordinator } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Recurring } from "@tusk/storage/Recurring"
import { ofArea } from "@tusk/storage/logging"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { GroupMachine } from "../machine/GroupMachine.ts"
import { begin, persisted, restore, step } from "../share/SharePartition.ts"
import { Event } from "../share/SharePartitionState.ts"
import type { Answer, SharePartitionState } from "../share/SharePartitionState.ts"
import { partitionRow } from "../share/ShareRows.ts"
import type { FreeWatchers } from "./FreeWatchers.ts"
import { makeGroupCell } from "./GroupCell.ts"
import type { GroupCell, GroupCellPorts } from "./GroupCell.ts"
import type { SharePartitionRows } from "./SharePartitionRows.ts"

/** Beyond it partitions of which no member holds anything are closed, and read again when needed. */
const MAX_OPEN = 10_000

export type ShareCell = GroupCell<SharePartitionState, Event, Answer>

export interface SharePartitionCellsPorts extends Pick<GroupCellPorts, "scope" | "requestTimeoutMs" | "unservedMs"> {
  readonly scope: Scope.Scope
  readonly rows: SharePartitionRows
  readonly watchers: FreeWatchers
  /** Fails if no share group has this id. */
  readonly check: (groupId: string) => Effect.Effect<void, KafkaError>
  /** The offset at which a group begins that was never in the partition. */
  readonly startOf: (groupId: string, partitionId: number) => Effect.Effect<bigint, KafkaError>
  readonly deliveryCountLimit: (groupId: string) => number
}

const machineOf = (partitionId: number): GroupMachine<SharePartitionState, Event, Answer, SharePartitionState> => ({
  kind: "share",
  step,
  tick: Event.Tick(),
  encode: (state) => ({ value: null, sharePartitions: [{ partitionId, value: partitionRow.encode(persisted(state)) }] })
})

/** Partitions of share groups in memory, each with its machine. */
export class SharePartitionCells {
  readonly #ports: SharePartitionCellsPorts
  /** In order of opening. */
  readonly #cells = new Map<string, ShareCell>()
  readonly #opening = Semaphore.makeUnsafe(1)
  /** Partitions of groups of which it was told that they cannot be read. */
  readonly #unreadable = new Set<string>()
  readonly #trouble = new Recurring("groups")

  constructor(ports: SharePartitionCellsPorts) {
    this.#ports = ports
  }

  keyOf(groupId: string, partitionId: number): string {
    return `${partitionId}/${groupId}`
  }

  /** Undefined if it is not open. */
  find(groupId: string, partitionId: number): ShareCell | undefined {
    return this.#cells.get(this.keyOf(groupId, partitionId))
  }

  /** Runs while no partition is opened. */
  whileNoneOpens<A, E>(body: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return this.#opening.withPermit(body)
  }

  open(groupId: string, partitionId: number): Effect.Effect<ShareCell, KafkaError> {
    return Effect.suspend(() => {
      const there = this.find(groupId, partitionId)
      return there?.isOpen() === true
        ? Effect.succeed(there)
        : this.whileNoneOpens(this.#openAnew(groupId, partitionId))
    })
  }

  /** Asks it as it is now, again if it is read anew on the way. */
  ask(groupId: string, partitionId: number, event: (waiter: number) => Event): Effect.Effect<Answer, KafkaError> {
    return Effect.flatMap(this.open(groupId, partitionId), (cell) => cell.ask(event)).pipe(
      Effect.catchTag("CellClosed", () => this.ask(groupId, partitionId, event))
    )
  }

  close(groupId: string, partitionId: number): void {
    this.#close(this.keyOf(groupId, partitionId))
  }

  closeGroup(groupId: string): void {
    for (const [key, cell] of this.#cells) if (cell.groupId === groupId) this.#close(key)
  }

  closeAll(): void {
    for (const key of this.#cells.keys()) this.#close(key)
    this.#unreadable.clear()
  }

  #close(key: string): void {
    this.#cells.get(key)?.close()
    this.#cells.delete(key)
    this.#unreadable.delete(key)
  }

  #openAnew(groupId: string, partitionId: number): Effect.Effect<ShareCell, KafkaError> {
    return Effect.gen({ self: this }, function* () {
      const there = this.find(groupId, partitionId)
      if (there?.isOpen() === true) return there
      yield* this.#ports.check(groupId)
      const row = (yield* this.#ports.rows.all).get(groupId)?.get(partitionId)
      const cell = yield* row === undefined
        ? this.#begin(groupId, partitionId)
        : this.#restore(groupId, partitionId, row)
      if (!cell.isOpen()) return yield* new NotCoordinator()
      this.#cells.set(this.keyOf(groupId, partitionId), cell)
      this.#trim()
      return cell
    })
  }

  /** Stored before any member has it. */
  #begin(groupId: string, partitionId: number): Effect.Effect<ShareCell, KafkaError> {
    return Effect.flatMap(this.#ports.startOf(groupId, partitionId), (startOffset) =>
      Effect.timeoutOrElse(this.#make(groupId, partitionId, begin(startOffset), true), {
        duration: this.#ports.requestTimeoutMs,
        orElse: () => Effect.fail(new CoordinatorNotAvailable())
      })
    )
  }

  #restore(groupId: string, partitionId: number, row: string): Effect.Effect<ShareCell, KafkaError> {
    const read = partitionRow.decode(row)
    if (Result.isFailure(read)) {
      return Effect.andThen(
        this.#tellUnreadable(groupId, partitionId, read.failure),
        Effect.fail(new KafkaStorageError())
      )
    }
    const state = restore(read.success, this.#ports.deliveryCountLimit(groupId))
    return this.#make(groupId, partitionId, state, false)
  }

  #make(groupId: string, partitionId: number, state: SharePartitionState, persists: boolean) {
    return Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
      makeGroupCell(
        groupId,
        machineOf(partitionId),
        () => [state, persists ? [{ _tag: "Persist", group: state }] : []],
        nowMs,
        this.#portsOf(groupId, partitionId)
      )
    )
  }

  #portsOf(groupId: string, partitionId: number): GroupCellPorts {
    const { requestTimeoutMs, rows, scope, unservedMs, watchers } = this.#ports
    const key = this.keyOf(groupId, partitionId)
    return {
      put: ({ sharePartitions = [] }) => rows.put(groupId, sharePartitions),
      remove: () => Effect.die(new Error("a share partition is never removed by itself")),
      scope,
      requestTimeoutMs,
      unservedMs,
      trouble: this.#trouble,
      // Whether it was stored is not known: all is read again.
      broken: () => {
        this.#cells.get(key)?.close()
        this.#cells.delete(key)
        rows.lose()
      },
      settled: () => {
        if (!watchers.isWatched(key)) return
        if (
          this.#cells
            .get(key)
            ?.peek()
            .ranges.some(({ state }) => state === "Available") === true
        )
          watchers.tell(key)
      }
    }
  }

  #trim(): void {
    for (const [key, cell] of this.#cells) {
      if (this.#cells.size <= MAX_OPEN) return
      if (cell.waiting() > 0 || cell.peek().ranges.some(({ state }) => state === "Acquired")) continue
      cell.close()
      this.#cells.delete(key)
    }
  }

  /** Once until all is read again, though every fetch of the group comes by. */
  #tellUnreadable(groupId: string, partitionId: number, why: string): Effect.Effect<void> {
    const key = this.keyOf(groupId, partitionId)
    if (this.#unreadable.has(key)) return Effect.void
    this.#unreadable.add(key)
    const name = `${JSON.stringify(groupId)} in partition ${partitionId}`
    return ofArea("groups")(
      Effect.logError(
        `what share group ${name} has done cannot be read: ${why}. Without its offsets there (kafka-share-groups --delete-offsets) it begins anew`
      )
    )
  }
}
