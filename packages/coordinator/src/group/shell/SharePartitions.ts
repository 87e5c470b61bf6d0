import {
  CoordinatorNotAvailable,
  GroupIdNotFound,
  InvalidRecordState,
  InvalidRequest,
  KafkaStorageError,
  NotCoordinator,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { CommitterOptions } from "@tusk/storage/commit/Committer"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { makeGroupCell } from "./GroupCell.ts"
import type { GroupCell, GroupCellPorts } from "./GroupCell.ts"
import type { GroupMachine } from "../machine/GroupMachine.ts"
import { GroupCells } from "./GroupCells.ts"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { begin, canAcquire, nextToAcquire, persisted, restore, step } from "../share/SharePartition.ts"
import { partitionRow } from "../share/ShareRows.ts"
import { Event, RENEW } from "../share/SharePartitionState.ts"
import type { Answer, ShareLimits, SharePartitionState } from "../share/SharePartitionState.ts"
import type { Acknowledge, Acquire, AcquiredRecords } from "./ShareRequests.ts"

/** Partitions of share groups in memory; beyond it those that nobody holds anything of are read again when needed. */
const MAX_OPEN = 10_000

type Cell = GroupCell<SharePartitionState, Event, Answer>

const NOTHING: AcquiredRecords = { batches: [], ranges: [] }

/** What share groups have done with their partitions: acquired, acknowledged, given back. */
export class SharePartitions extends Context.Service<
  SharePartitions,
  {
    /** What is wrong with these ids: no member of a share group has them. */
    readonly idError: (groupId: string, memberId: string) => KafkaError | null
    /** Makes sure that the group has a start offset in these partitions, by `share.auto.offset.reset`. */
    readonly initialize: (groupId: string, partitionIds: ReadonlyArray<number>) => Effect.Effect<void, KafkaError>
    /** What is there for this member now; nothing where others hold it all. */
    readonly acquire: (request: Acquire) => Effect.Effect<AcquiredRecords, KafkaError>
    /** Stored when it returns. INVALID_RECORD_STATE: nothing of it was taken. */
    readonly acknowledge: (request: Acknowledge) => Effect.Effect<void, KafkaError>
    /** What a member holds in these partitions is free again. */
    readonly releaseMember: (
      groupId: string,
      memberId: string,
      partitionIds: ReadonlyArray<number>
    ) => Effect.Effect<void, KafkaError>
    /** Calls when something in these partitions is free again; what it returns takes that off. */
    readonly watchingFree: <A, E>(
      groupId: string,
      partitionIds: ReadonlyArray<number>,
      free: () => void,
      use: Effect.Effect<A, E>
    ) => Effect.Effect<A, E>
    /** By partition id; those without one are left out. An error where what is stored of one cannot be read. */
    readonly startOffsets: (groupId: string) => Effect.Effect<ReadonlyMap<number, bigint | KafkaError>, KafkaError>
    /** Whether nothing may be moved because somebody holds records. */
    readonly setStart: (groupId: string, partitionId: number, offset: bigint) => Effect.Effect<void, KafkaError>
    /** The group begins anew in these partitions. */
    readonly remove: (groupId: string, partitionIds: ReadonlyArray<number>) => Effect.Effect<void, KafkaError>
    /** The partitions are deleted with their topic: no group has been there. */
    readonly forgetPartitions: (partitionIds: ReadonlyArray<number>) => Effect.Effect<void>
    /** The group is deleted. */
    readonly forget: (groupId: string) => void
  }
>()("@tusk/coordinator/group/shell/SharePartitions") {
  static readonly layer = Layer.effect(
    SharePartitions,
    Effect.suspend(() => make())
  )
}

const limitsOf = (config: GroupResourceConfig): ShareLimits => ({
  lockMs: config.shareRecordLockDurationMs,
  deliveryCountLimit: config.shareDeliveryCountLimit,
  maxRecordLocks: config.sharePartitionMaxRecordLocks
})

const make = Effect.fnUntraced(function* () {
  const groups = yield* GroupCells
  const store = yield* GroupStore
  const log = yield* Log
  const configs = yield* GroupConfigs
  const { requestTimeoutMs } = yield* CommitterOptions
  const scope = yield* Effect.scope
  /** In order of last use. */
  const cells = new Map<string, Cell>()
  /** Stored states of partitions that are not open, as texts; undefined: to be read. */
  let stored: Map<string, Map<number, string>> | undefined
  const loading = Semaphore.makeUnsafe(1)
  const opening = Semaphore.makeUnsafe(1)
  const waiting = new Map<string, Set<() => void>>()
  /** Partitions of groups of which it was told that they cannot be read. */
  const unreadable = new Set<string>()

  const keyOf = (groupId: string, partitionId: number): string => `${partitionId}/${groupId}`

  const load = Effect.suspend(() =>
    stored !== undefined
      ? Effect.succeed(stored)
      : Effect.map(store.load, (groups) => {
          const found = new Map<string, Map<number, string>>()
          for (const { groupId, kind, sharePartitions } of groups) {
            if (kind !== "share") continue
            found.set(groupId, new Map(sharePartitions.map(({ partitionId, value }) => [partitionId, value])))
          }
          return (stored ??= found)
        })
  ).pipe(loading.withPermit)

  const closeAll = (): void => {
    for (const cell of cells.values()) cell.close()
    cells.clear()
  }
  store.onTakeOver(
    Effect.sync(() => {
      stored = undefined
      unreadable.clear()
      closeAll()
      for (const all of Array.from(waiting.values())) for (const free of Array.from(all)) free()
    })
  )

  const machineOf = (partitionId: number): GroupMachine<SharePartitionState, Event, Answer, SharePartitionState> => ({
    kind: "share",
    step,
    tick: Event.Tick(),
    encode: (state) => ({
      value: null,
      sharePartitions: [{ partitionId, value: partitionRow.encode(persisted(state)) }]
    })
  })

  const portsOf = (groupId: string, partitionId: number): GroupCellPorts => {
    const key = keyOf(groupId, partitionId)
    return {
      put: (group) =>
        Effect.tap(store.put(group), () =>
          Effect.sync(() => {
            const value = group.sharePartitions?.[0]?.value
            if (value === undefined || value === null || stored === undefined) return
            let partitions = stored.get(groupId)
            if (partitions === undefined) stored.set(groupId, (partitions = new Map()))
            partitions.set(partitionId, value)
          })
        ),
      remove: () => Effect.die(new Error("a share partition is never removed by itself")),
      scope,
      requestTimeoutMs,
      unservedMs: store.unservedMs,
      // Whether it was stored is not known: all is read again.
      broken: () => {
        cells.get(key)?.close()
        cells.delete(key)
        stored = undefined
      },
      settled: () => {
        const cell = cells.get(key)
        const all = waiting.get(key)
        if (cell === undefined || all === undefined) return
        if (cell.peek().ranges.some(({ state }) => state === "Available")) for (const free of Array.from(all)) free()
      }
    }
  }

  /** Where a group begins that was never here. */
  const startOf = Effect.fnUntraced(function* (groupId: string, partitionId: number) {
    const [end] = yield* log.ends([partitionId])
    if (end === undefined) return yield* new UnknownTopicOrPartition()
    if (isKafkaError(end)) return yield* Effect.fail(end)
    const { shareAutoOffsetReset } = configs(groupId)
    if (shareAutoOffsetReset === "earliest") return end.logStartOffset
    if (shareAutoOffsetReset === "latest") return end.highWatermark
    const since = BigInt((yield* Clock.currentTimeMillis) - shareAutoOffsetReset.byDurationMs)
    return (yield* log.findByTimestamp(partitionId, since))?.offset ?? end.highWatermark
  })

  const trim = (): void => {
    for (const [key, cell] of cells) {
      if (cells.size <= MAX_OPEN) return
      if (cell.waiting() > 0 || cell.peek().ranges.some(({ state }) => state === "Acquired")) continue
      cell.close()
      cells.delete(key)
    }
  }

  /** Rows of a group of another kind, or of none, are not for share groups to write. */
  const check = (groupId: string): Effect.Effect<void, KafkaError> =>
    Effect.flatMap(groups.find(groupId), (group) =>
      group?.kind === "share"
        ? Effect.void
        : Effect.fail(new GroupIdNotFound({ message: `Group ${groupId} is not a share group.` }))
    )

  /** All that are new in one commit. */
  const initialize = (groupId: string, partitionIds: ReadonlyArray<number>): Effect.Effect<void, KafkaError> =>
    Effect.gen(function* () {
      const known = (yield* load).get(groupId)
      const begun: Array<{ readonly partitionId: number; readonly value: string }> = []
      for (const partitionId of partitionIds) {
        if (known?.has(partitionId) === true) continue
        begun.push({ partitionId, value: partitionRow.encode(persisted(begin(yield* startOf(groupId, partitionId)))) })
      }
      if (begun.length === 0) return
      yield* check(groupId)
      const change = { groupId, kind: "share", value: null, sharePartitions: begun }
      yield* Effect.tapError(store.put(change, requestTimeoutMs), () =>
        // Whether it was stored is not known: all is read again.
        Effect.sync(() => {
          stored = undefined
        })
      )
      if (stored === undefined) return
      let partitions = stored.get(groupId)
      if (partitions === undefined) stored.set(groupId, (partitions = new Map()))
      for (const { partitionId, value } of begun) partitions.set(partitionId, value)
    }).pipe(opening.withPermit)

  const open = (groupId: string, partitionId: number): Effect.Effect<Cell, KafkaError> =>
    Effect.suspend(() => {
      const there = cells.get(keyOf(groupId, partitionId))
      return there?.isOpen() === true ? Effect.succeed(there) : openAnew(groupId, partitionId)
    })

  /** Once until all is read again, though every fetch of the group comes by. */
  const tellUnreadable = (groupId: string, partitionId: number, why: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const key = keyOf(groupId, partitionId)
      if (unreadable.has(key)) return Effect.void
      unreadable.add(key)
      const name = `${JSON.stringify(groupId)} in partition ${partitionId}`
      return Effect.logError(
        `what share group ${name} has done cannot be read: ${why}. Without its offsets there (kafka-share-groups --delete-offsets) it begins anew`
      )
    })

  const openAnew = (groupId: string, partitionId: number): Effect.Effect<Cell, KafkaError> =>
    Effect.gen(function* () {
      const key = keyOf(groupId, partitionId)
      const there = cells.get(key)
      if (there?.isOpen() === true) return there
      yield* check(groupId)
      const value = (yield* load).get(groupId)?.get(partitionId)
      const restored = value === undefined ? undefined : partitionRow.decode(value)
      if (restored !== undefined && Result.isFailure(restored)) {
        yield* tellUnreadable(groupId, partitionId, restored.failure)
        return yield* new KafkaStorageError()
      }
      const machine = machineOf(partitionId)
      const ports = portsOf(groupId, partitionId)
      const nowMs = yield* Clock.currentTimeMillis
      let cell: Cell
      if (restored === undefined) {
        const state = begin(yield* startOf(groupId, partitionId))
        cell = yield* makeGroupCell(
          groupId,
          machine,
          () => [state, [{ _tag: "Persist", group: state }]],
          nowMs,
          ports
        ).pipe(
          Effect.timeoutOrElse({
            duration: requestTimeoutMs,
            orElse: () => Effect.fail(new CoordinatorNotAvailable())
          })
        )
      } else {
        const state = restore(restored.success, configs(groupId).shareDeliveryCountLimit)
        cell = yield* makeGroupCell(groupId, machine, () => [state, []], nowMs, ports)
      }
      if (!cell.isOpen()) return yield* new NotCoordinator()
      cells.set(key, cell)
      trim()
      return cell
    }).pipe(opening.withPermit)

  /** Asks it as it is now, again where it is read anew on the way. */
  const ask = (
    groupId: string,
    partitionId: number,
    event: (waiter: number, cell: Cell) => Event
  ): Effect.Effect<Answer, KafkaError> =>
    Effect.flatMap(open(groupId, partitionId), (cell) => cell.ask((waiter) => event(waiter, cell))).pipe(
      Effect.catchTag("CellClosed", () => ask(groupId, partitionId, event))
    )

  const refusal = (answer: Answer): Effect.Effect<void, KafkaError> =>
    answer._tag === "Refused" ? Effect.fail(answer.error) : Effect.void

  /** Where records were deleted while it read them it begins anew, behind them: the place to read from is its own. */
  const acquire = (request: Acquire): Effect.Effect<AcquiredRecords, KafkaError> =>
    Effect.catchTag(acquireOnce(request), "OffsetOutOfRange", () => acquire(request))

  const acquireOnce = Effect.fnUntraced(function* (request: Acquire) {
    const { batchSize, groupId, maxBytes, maxRecords, memberId, partitionId, strict } = request
    const config = configs(groupId)
    const limits = limitsOf(config)
    const state = (yield* open(groupId, partitionId)).peek()
    if (maxRecords <= 0 || !canAcquire(state, limits.maxRecordLocks)) return NOTHING
    const [end] = yield* log.ends([partitionId])
    if (end === undefined) return yield* new UnknownTopicOrPartition()
    if (isKafkaError(end)) return yield* Effect.fail(end)
    const next = nextToAcquire(state)
    const from = next < end.logStartOffset ? end.logStartOffset : next
    if (from >= end.highWatermark) return NOTHING
    const [read] = yield* log.read([{ partitionId, from, maxBytes }], { maxBytes, atLeastOne: true })
    if (read === undefined) return NOTHING
    if (isKafkaError(read)) return yield* Effect.fail(read)
    const readable = config.shareIsolationLevel === "read_committed" ? read.lastStableOffset : read.highWatermark
    const within = read.batches.filter((batch) => RecordBatch.baseOffset(batch) < readable)
    if (within.length === 0) return NOTHING
    const answer = yield* ask(groupId, partitionId, (waiter) =>
      Event.Acquire({
        waiter,
        memberId,
        batches: within.map((batch) => ({
          first: RecordBatch.baseOffset(batch),
          last: RecordBatch.lastOffset(batch)
        })),
        maxRecords,
        strict,
        batchSize,
        from,
        logStartOffset: read.logStartOffset,
        limits
      })
    )
    if (answer._tag !== "Acquired") {
      yield* refusal(answer)
      return NOTHING
    }
    const { ranges } = answer
    const batches = within.filter((batch) => {
      const [first, last] = [RecordBatch.baseOffset(batch), RecordBatch.lastOffset(batch)]
      return ranges.some((range) => range.first <= last && range.last >= first)
    })
    return { batches, ranges }
  })

  /** Behind what the cell stores now; it stores nothing meanwhile. */
  const whileHeld = (cell: Cell, body: Effect.Effect<void, KafkaError>): Effect.Effect<void, KafkaError> =>
    Effect.suspend(() => {
      let hasRun = false
      const once = Effect.suspend(() => {
        hasRun = true
        return body
      })
      // A cell that was closed on the way runs nothing any more.
      return Effect.andThen(
        cell.exclusive(() => once),
        Effect.suspend(() => (hasRun ? Effect.void : body))
      )
    })

  const remove = (groupId: string, partitionIds: ReadonlyArray<number>): Effect.Effect<void, KafkaError> => {
    const sharePartitions = partitionIds.map((partitionId) => ({ partitionId, value: null }))
    const change = { groupId, kind: "share", value: null, sharePartitions }
    const removed = Effect.map(store.put(change, requestTimeoutMs), () => {
      for (const partitionId of partitionIds) {
        const key = keyOf(groupId, partitionId)
        cells.get(key)?.close()
        cells.delete(key)
        unreadable.delete(key)
        stored?.get(groupId)?.delete(partitionId)
      }
    })
    return Effect.suspend(() => {
      const there = partitionIds.flatMap((partitionId) => cells.get(keyOf(groupId, partitionId)) ?? [])
      return there.reduce<Effect.Effect<void, KafkaError>>((body, cell) => whileHeld(cell, body), removed)
    }).pipe(opening.withPermit)
  }

  /** Where that fails rows stay that nobody reads: partition ids are given once. */
  const forgetPartitions = (partitionIds: ReadonlyArray<number>): Effect.Effect<void> =>
    Effect.flatMap(load, (all) =>
      Effect.forEach(
        Array.from(all),
        ([groupId, partitions]) => {
          const gone = partitionIds.filter((partitionId) => partitions.has(partitionId))
          return gone.length > 0 ? remove(groupId, gone) : Effect.void
        },
        { discard: true }
      )
    ).pipe(Effect.ignore)

  return SharePartitions.of({
    idError: (groupId, memberId) => groups.idError({ groupId, memberId }),
    initialize,
    acquire,
    acknowledge: ({ batches, groupId, memberId, partitionId }) => {
      if (batches.some(({ types }) => types.includes(RENEW)) && !configs(groupId).shareRenewAcknowledgeEnable) {
        return Effect.fail(new InvalidRecordState({ message: "Renewing is not enabled for the group." }))
      }
      return Effect.flatMap(
        ask(groupId, partitionId, (waiter) =>
          Event.Acknowledge({ waiter, memberId, batches, limits: limitsOf(configs(groupId)) })
        ),
        refusal
      )
    },
    releaseMember: (groupId, memberId, partitionIds) =>
      Effect.forEach(
        partitionIds.filter((partitionId) =>
          // Nothing is held where nothing is open, or nothing of this member.
          cells
            .get(keyOf(groupId, partitionId))
            ?.peek()
            .ranges.some((range) => range.memberId === memberId)
        ),
        (partitionId) =>
          ask(groupId, partitionId, (waiter) =>
            Event.ReleaseMember({ waiter, memberId, limits: limitsOf(configs(groupId)) })
          ),
        { discard: true }
      ),
    watchingFree: (groupId, partitionIds, free, use) => {
      const keys = partitionIds.map((partitionId) => keyOf(groupId, partitionId))
      const begin = Effect.sync(() => {
        for (const key of keys) {
          const all = waiting.get(key)
          if (all === undefined) waiting.set(key, new Set([free]))
          else all.add(free)
        }
      })
      const end = Effect.sync(() => {
        for (const key of keys) {
          const all = waiting.get(key)
          all?.delete(free)
          if (all?.size === 0) waiting.delete(key)
        }
      })
      return Effect.acquireUseRelease(
        begin,
        () => use,
        () => end
      )
    },
    startOffsets: (groupId) =>
      Effect.map(load, (all) => {
        const offsets = new Map<number, bigint | KafkaError>()
        for (const [partitionId, value] of all.get(groupId) ?? []) {
          const read = partitionRow.decode(value)
          const offset = Result.map(read, (kept) => restore(kept, Number.POSITIVE_INFINITY).startOffset)
          offsets.set(
            partitionId,
            Result.getOrElse(offset, () => new KafkaStorageError())
          )
        }
        return offsets
      }),
    setStart: (groupId, partitionId, startOffset) =>
      startOffset < 0n
        ? Effect.fail(new InvalidRequest({ message: `A start offset of ${startOffset} is none.` }))
        : Effect.flatMap(
            ask(groupId, partitionId, (waiter) => Event.SetStart({ waiter, startOffset })),
            refusal
          ),
    remove,
    forgetPartitions,
    forget: (groupId) => {
      stored?.delete(groupId)
      const suffix = `/${groupId}`
      for (const [key, cell] of cells) {
        if (!key.endsWith(suffix) || cell.groupId !== groupId) continue
        cell.close()
        cells.delete(key)
      }
    }
  })
})
