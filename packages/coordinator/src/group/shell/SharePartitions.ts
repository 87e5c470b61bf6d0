import { GroupIdNotFound, InvalidRecordState, InvalidRequest, KafkaStorageError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { CommitterOptions } from "@tusk/storage/commit/Committer"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import { Log } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { GroupConfigs } from "../machine/GroupConfigs.ts"
import { restore } from "../share/SharePartition.ts"
import { Event, RENEW } from "../share/SharePartitionState.ts"
import { partitionRow } from "../share/ShareRows.ts"
import { limitsOf, makeAcquire } from "./AcquireRecords.ts"
import { unlessRefused } from "./answers.ts"
import { FreeWatchers } from "./FreeWatchers.ts"
import { GroupCells } from "./GroupCells.ts"
import { Groups } from "./Groups.ts"
import { SharePartitionCells } from "./SharePartitionCells.ts"
import { SharePartitionRows } from "./SharePartitionRows.ts"
import { makeRemoval } from "./ShareRemoval.ts"
import type { Acknowledge, Acquire, AcquiredRecords } from "./ShareRequests.ts"
import { beginIn, makeStartOf } from "./ShareStart.ts"

/** What share groups have done with their partitions: acquired, acknowledged, given back. */
export class SharePartitions extends Context.Service<
  SharePartitions,
  {
    /** What is wrong with these ids: no member of a share group has them. */
    readonly idError: (groupId: string, memberId: string) => KafkaError | null
    /** Makes sure that the group has a start offset in these partitions, by `share.auto.offset.reset`. */
    readonly initialize: (groupId: string, partitionIds: ReadonlyArray<number>) => Effect.Effect<void, KafkaError>
    /** What is there for this member now; nothing if others hold it all. */
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
    /** By partition id; those without one are left out. An error if what is stored of one cannot be read. */
    readonly startOffsets: (groupId: string) => Effect.Effect<ReadonlyMap<number, bigint | KafkaError>, KafkaError>
    /** Whether nothing may be moved because a member holds records. */
    readonly setStart: (groupId: string, partitionId: number, offset: bigint) => Effect.Effect<void, KafkaError>
    /** The group begins anew in these partitions. */
    readonly remove: (groupId: string, partitionIds: ReadonlyArray<number>) => Effect.Effect<void, KafkaError>
  }
>()("@tusk/coordinator/group/shell/SharePartitions") {
  static readonly layer = Layer.effect(
    SharePartitions,
    Effect.suspend(() => make())
  )
}

/** Rows, machines and what is asked of them, put together for one broker. */
const makeRooms = Effect.gen(function* () {
  const groups = yield* GroupCells
  const store = yield* GroupStore
  const log = yield* Log
  const configs = yield* GroupConfigs
  const { requestTimeoutMs } = yield* CommitterOptions
  /** Rows of a group of another kind, or of none, are not for share groups to write. */
  const check = (groupId: string): Effect.Effect<void, KafkaError> =>
    Effect.flatMap(groups.find(groupId), (group) =>
      group?.kind === "share"
        ? Effect.void
        : Effect.fail(new GroupIdNotFound({ message: `Group ${groupId} is not a share group.` }))
    )
  const rows = new SharePartitionRows(store)
  const watchers = new FreeWatchers()
  const startOf = makeStartOf(log, configs)
  const cells = new SharePartitionCells({
    rows,
    watchers,
    check,
    startOf,
    deliveryCountLimit: (groupId) => configs(groupId).shareDeliveryCountLimit,
    scope: yield* Effect.scope,
    requestTimeoutMs,
    unservedMs: store.unservedMs
  })
  store.onTakeOver(
    Effect.sync(() => {
      rows.lose()
      cells.closeAll()
      watchers.tellAll()
    })
  )
  const { forgetPartitions, remove } = makeRemoval(rows, cells, requestTimeoutMs)
  return {
    configs,
    rows,
    watchers,
    cells,
    remove,
    forgetPartitions,
    acquire: makeAcquire(log, cells, configs),
    initialize: (groupId: string, partitionIds: ReadonlyArray<number>) =>
      cells.whileNoneOpens(beginIn(rows, startOf, check, requestTimeoutMs, groupId, partitionIds)),
    idError: (groupId: string, memberId: string) => groups.idError({ groupId, memberId })
  }
})

/** The offset at which the group begins in each of its partitions. */
const startsOf = (partitions: ReadonlyMap<number, string>): ReadonlyMap<number, bigint | KafkaError> =>
  new Map(
    Array.from(partitions, ([partitionId, row]) => {
      const start = Result.map(partitionRow.decode(row), (kept) => restore(kept, Infinity).startOffset)
      return [partitionId, Result.getOrElse(start, (): bigint | KafkaError => new KafkaStorageError())]
    })
  )

const make = Effect.fnUntraced(function* () {
  const { acquire, cells, configs, forgetPartitions, idError, initialize, remove, rows, watchers } = yield* makeRooms
  const topics = yield* Topics
  const { onDeleted } = yield* Groups
  topics.onDeleted({ after: ({ partitionIds }) => forgetPartitions(partitionIds) })
  onDeleted({
    after: (groupId) =>
      Effect.sync(() => {
        rows.forget(groupId)
        cells.closeGroup(groupId)
      })
  })
  const limits = (groupId: string) => limitsOf(configs(groupId))

  return SharePartitions.of({
    idError,
    initialize,
    acquire,
    acknowledge: ({ batches, groupId, memberId, partitionId }) => {
      if (batches.some(({ types }) => types.includes(RENEW)) && !configs(groupId).shareRenewAcknowledgeEnable) {
        return Effect.fail(new InvalidRecordState({ message: "Renewing is not enabled for the group." }))
      }
      const event = (waiter: number) => Event.Acknowledge({ waiter, memberId, batches, limits: limits(groupId) })
      return Effect.flatMap(cells.ask(groupId, partitionId, event), unlessRefused)
    },
    releaseMember: (groupId, memberId, partitionIds) => {
      const event = (waiter: number) => Event.ReleaseMember({ waiter, memberId, limits: limits(groupId) })
      // Nothing is held if nothing is open, or nothing of this member.
      const isHeld = (partitionId: number) =>
        cells
          .find(groupId, partitionId)
          ?.peek()
          .ranges.some((range) => range.memberId === memberId)
      // All take their turn now: what the member acquires from here on, in a session that is new, it keeps.
      return Effect.forEach(partitionIds.filter(isHeld), (partitionId) => cells.ask(groupId, partitionId, event), {
        concurrency: "unbounded",
        discard: true
      })
    },
    watchingFree: (groupId, partitionIds, free, use) => {
      const keys = partitionIds.map((partitionId) => cells.keyOf(groupId, partitionId))
      return watchers.watching(keys, free, use)
    },
    startOffsets: (groupId) => Effect.map(rows.all, (all) => startsOf(all.get(groupId) ?? new Map())),
    setStart: (groupId, partitionId, startOffset) => {
      if (startOffset < 0n) {
        return Effect.fail(new InvalidRequest({ message: `A start offset of ${startOffset} is none.` }))
      }
      const event = (waiter: number) => Event.SetStart({ waiter, startOffset })
      return Effect.flatMap(cells.ask(groupId, partitionId, event), unlessRefused)
    },
    remove
  })
})
