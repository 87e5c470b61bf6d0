import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { Committer } from "../../commit/Committer.ts"
import type { Participant } from "../../commit/Participant.ts"
import type { LogLimits, PartitionLog } from "../partitions/PartitionLog.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { Partitions } from "../partitions/Partitions.ts"
import type { Evicted } from "../partitions/Tail.ts"
import { apart } from "./apart.ts"
import { Append } from "./Append.ts"
import type { AppendPorts } from "./Append.ts"
import type { AppendRequest, Appended } from "./AppendRequest.ts"
import type { Confirmed } from "./Confirmed.ts"
import { makeFirstBatches } from "./FirstBatches.ts"
import type { FirstBatches } from "./FirstBatches.ts"
import { Markers } from "./Markers.ts"
import type { MarkerRequest } from "./Markers.ts"

/** What appending is made with. */
export interface AppendingPorts {
  readonly partitions: Partitions
  readonly committer: Pick<Committer["Service"], "offer">
  readonly limits: LogLimits
  readonly leaderEpoch: () => number
  readonly nowMs: () => number
  readonly writer: AppendPorts["writer"]
  readonly counts: StorageCounts
  /** So many bytes more can be read in a partition; so many more by readers of committed records. */
  readonly grown: (partitionId: number, bytes: number, stableBytes: number) => void
  /** Told of what goes from memory for a new batch. */
  readonly evicted: Evicted | undefined
}

/** Gives batches their places and stores them. */
export interface Appending {
  /** A unit of a commit: one result a request when it is stored. */
  readonly appending: (requests: ReadonlyArray<AppendRequest>) => Participant<ReadonlyArray<Appended | KafkaError>>
  /** Ends transactions, a marker each: undefined if it is written, or why it is not. */
  readonly marking: (requests: ReadonlyArray<MarkerRequest>) => Participant<ReadonlyArray<KafkaError | undefined>>
  /** Submits it. After `timeoutMs` milliseconds each result is REQUEST_TIMED_OUT: it is not known yet. */
  readonly append: (
    requests: ReadonlyArray<AppendRequest>,
    timeoutMs?: number
  ) => Effect.Effect<ReadonlyArray<Appended | KafkaError>>
  /** A batch was refused before it had its place. */
  readonly turnedAway: FirstBatches["failed"]
}

export const makeAppending = (ports: AppendingPorts): Appending => {
  const { committer, counts, evicted, grown, leaderEpoch, limits, nowMs, partitions, writer } = ports
  const firstBatches = makeFirstBatches()
  const appendPorts = {
    limits,
    firstBatches,
    find: (partitionId: number) => partitions.find(partitionId)?.log,
    leaderEpoch,
    nowMs,
    writer,
    appended: (
      { partitionId }: PartitionLog,
      batch: Uint8Array,
      lastOffset: bigint,
      { aborted, stable }: Confirmed
    ) => {
      if (aborted.length > 0) partitions.aborted(partitionId, aborted)
      partitions.push(partitionId, batch, lastOffset, evicted)
      const bytes = batch.byteLength
      counts.appendedBytes += bytes
      counts.appendedRecords += RecordBatch.recordCount(batch)
      grown(partitionId, bytes, stable === "Follows" ? bytes : stable === "Leaps" ? Infinity : 0)
    }
  }
  const appending: Appending["appending"] = (requests) =>
    new Append(appendPorts, requests, partitions.loading(requests.map(({ partitionId }) => partitionId)))
  return {
    appending,
    marking: (requests) =>
      new Markers(appendPorts, requests, partitions.loading(requests.map(({ partitionId }) => partitionId))),
    append: (all, timeoutMs) =>
      apart(all, (requests) =>
        Effect.callback<ReadonlyArray<Appended | KafkaError>>((resume) =>
          committer.offer(
            appending(requests),
            (error, answer) => resume(Effect.succeed(error === undefined ? answer() : requests.map(() => error))),
            timeoutMs
          )
        )
      ),
    turnedAway: firstBatches.failed
  }
}
