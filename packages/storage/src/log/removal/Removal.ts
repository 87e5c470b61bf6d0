import { OffsetOutOfRange } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Committer } from "../../commit/Committer.ts"
import { join, writing } from "../../commit/Participant.ts"
import type { Participant } from "../../commit/Participant.ts"
import { highWatermark } from "../partitions/PartitionLog.ts"
import type { Partitions } from "../partitions/Partitions.ts"
import type { Evicted } from "../partitions/Tail.ts"
import { keepingProducers } from "./KeepingProducers.ts"

/** Takes records away at the start of a log. */
export interface Removal {
  /**
   * Records below `offset` are no longer readable. Returns where the log starts then. OFFSET_OUT_OF_RANGE: the offset is
   * beyond the end.
   */
  readonly raiseLogStart: (partitionId: number, offset: bigint) => Effect.Effect<bigint, KafkaError>
  /** `removal` takes batches below an offset away: with it is stored what they tell of producers. */
  readonly deleting: (partitionId: number, below: bigint, removal: Participant<void>) => Participant<unknown>
  /** For a broker that keeps all in memory: what no longer fits there is deleted for good. */
  readonly evicted: Evicted
}

export const makeRemoval = (
  partitions: Partitions,
  committer: Pick<Committer["Service"], "offer" | "submit">
): Removal => {
  const find = (partitionId: number) => partitions.find(partitionId)?.log

  const deleting: Removal["deleting"] = (partitionId, below, removal) =>
    join(keepingProducers(partitionId, below, find, partitions.loading([partitionId])), removal)

  const raiseLogStart = Effect.fnUntraced(function* (partitionId: number, offset: bigint) {
    const { log } = yield* partitions.get(partitionId)
    if (offset > highWatermark(log)) return yield* new OffsetOutOfRange()
    if (offset <= log.logStartOffset) return log.logStartOffset
    const raised = () => {
      if (offset > log.logStartOffset) log.logStartOffset = offset
    }
    yield* committer.submit(writing([{ _tag: "PutLogStart", partitionId, logStartOffset: offset }], raised))
    return log.logStartOffset
  })

  /** No reader reads what was evicted from now on; the store follows with the next commit. */
  const evicted: Evicted = ({ partitionId }, { lastOffset, records }) => {
    const logStartOffset = lastOffset + 1n
    const log = find(partitionId)
    if (log === undefined || log.logStartOffset >= logStartOffset) return
    log.logStartOffset = logStartOffset
    if (log.bytesGone !== undefined) log.bytesGone += BigInt(records.byteLength)
    const removal = writing([
      { _tag: "PutLogStart", partitionId, logStartOffset },
      { _tag: "DeleteBatches", partitionId, below: logStartOffset, limit: Number.MAX_SAFE_INTEGER }
    ])
    committer.offer(deleting(partitionId, logStartOffset, removal), () => {}, Infinity)
  }

  return { raiseLogStart, deleting, evicted }
}
