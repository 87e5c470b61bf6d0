import { UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { Log, PartitionRead } from "@tusk/storage/log/Log"
import { AbortedBatches } from "@tusk/storage/log/partitions/AbortedBatches"
import { boundOf } from "@tusk/storage/log/partitions/Bound"
import * as Effect from "effect/Effect"
import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { canAcquire, nextToAcquire } from "../share/SharePartition.ts"
import { Event } from "../share/SharePartitionState.ts"
import type { OffsetRange, ShareLimits } from "../share/SharePartitionState.ts"
import { unexpected } from "./answers.ts"
import type { SharePartitionCells } from "./SharePartitionCells.ts"
import type { Acquire, AcquiredRecords } from "./ShareRequests.ts"

const NOTHING: AcquiredRecords = { batches: [], ranges: [] }

/** What a group's config says about its share partitions. */
export const limitsOf = (config: GroupResourceConfig): ShareLimits => ({
  lockMs: config.shareRecordLockDurationMs,
  deliveryCountLimit: config.shareDeliveryCountLimit,
  maxRecordLocks: config.sharePartitionMaxRecordLocks
})

const rangeOf = (batch: Uint8Array): OffsetRange => ({
  first: RecordBatch.baseOffset(batch),
  last: RecordBatch.lastOffset(batch)
})

/** Batches with records for consumers: what is left out is done with once a later one is given out. */
const recordsOf = (
  batches: ReadonlyArray<Uint8Array>,
  aborted: PartitionRead["aborted"]
): ReadonlyArray<Uint8Array> => {
  const transactions = new AbortedBatches(aborted)
  return batches.filter(
    (batch) => !RecordBatch.isControl(batch) && RecordBatch.recordCount(batch) > 0 && !transactions.has(batch)
  )
}

/** Reads what a member may have now, and marks it as its own. Nothing if others hold it all. */
export const makeAcquire = (
  log: Log["Service"],
  cells: SharePartitionCells,
  configs: (groupId: string) => GroupResourceConfig
) => {
  /** What lies at the first offset that is free; undefined: nothing that may be read. */
  const read = Effect.fnUntraced(function* (request: Acquire, next: bigint) {
    const { groupId, maxBytes, partitionId } = request
    const [end] = yield* log.ends([partitionId])
    if (end === undefined) return yield* new UnknownTopicOrPartition()
    if (isKafkaError(end)) return yield* Effect.fail(end)
    const from = next < end.logStartOffset ? end.logStartOffset : next
    const bound = boundOf(configs(groupId).shareIsolationLevel)
    let at = from
    while (at < end.highWatermark) {
      const [found] = yield* log.read([{ partitionId, from: at, maxBytes }], { bound, maxBytes, atLeastOne: true })
      if (found === undefined) return undefined
      if (isKafkaError(found)) return yield* Effect.fail(found)
      const { aborted, batches, logStartOffset } = found
      const last = batches.at(-1)
      if (last === undefined) return undefined
      const given = recordsOf(batches, aborted)
      if (given.length > 0) return { from, batches: given, logStartOffset }
      at = RecordBatch.lastOffset(last) + 1n
    }
    return undefined
  })

  const acquireOnce = Effect.fnUntraced(function* (request: Acquire) {
    const { batchSize, groupId, maxRecords, memberId, partitionId, strict } = request
    const limits = limitsOf(configs(groupId))
    const state = (yield* cells.open(groupId, partitionId)).peek()
    if (maxRecords <= 0 || !canAcquire(state, limits.maxRecordLocks)) return NOTHING
    const found = yield* read(request, nextToAcquire(state))
    if (found === undefined) return NOTHING
    const { batches, from, logStartOffset } = found
    const offered = batches.map(rangeOf)
    const answer = yield* cells.ask(groupId, partitionId, (waiter) =>
      Event.Acquire({ waiter, memberId, batches: offered, maxRecords, strict, batchSize, from, logStartOffset, limits })
    )
    if (answer._tag !== "Acquired") return yield* unexpected(answer)
    const { ranges } = answer
    const isAcquired = ({ first, last }: OffsetRange) =>
      ranges.some((range) => range.first <= last && range.last >= first)
    return { batches: batches.filter((_, i) => isAcquired(offered[i]!)), ranges }
  })

  /** If records are deleted while it reads them, it begins anew, behind them: the place to read from is its own. */
  const acquire = (request: Acquire): Effect.Effect<AcquiredRecords, KafkaError> =>
    Effect.catchTag(acquireOnce(request), "OffsetOutOfRange", () => acquire(request))
  return acquire
}
