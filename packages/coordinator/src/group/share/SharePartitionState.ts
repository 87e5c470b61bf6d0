import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Data from "effect/Data"
import type { GroupOutput } from "../machine/GroupOutput.ts"

export type RecordState = "Available" | "Acquired" | "Acknowledged" | "Archived"

/** Consecutive offsets in the same state. */
export interface Range {
  readonly first: bigint
  readonly last: bigint
  readonly state: RecordState
  /** How often they were acquired. */
  readonly deliveryCount: number
  /** The member that has acquired them, and until when. */
  readonly memberId: string | null
  readonly lockUntilMs: number
}

/** What a group goes by, as it is when an event comes. */
export interface ShareLimits {
  /** `share.record.lock.duration.ms`. */
  readonly lockMs: number
  /** `group.share.delivery.count.limit`: so often a record is given out, and then no more. */
  readonly deliveryCountLimit: number
  /** `group.share.partition.max.record.locks`: offsets between the start and the end of what is in flight. */
  readonly maxRecordLocks: number
}

/** One partition as a share group sees it. Never changed in place. */
export interface SharePartitionState {
  /** Below it all is done with. */
  readonly startOffset: bigint
  /** From here on nothing was given out yet. */
  readonly nextOffset: bigint
  /** All offsets from `startOffset` up to `nextOffset`, in order. */
  readonly ranges: ReadonlyArray<Range>
  readonly wakeAtMs: number
}

/** What is kept of a range: not the member that has acquired it, so that it is given out again. */
export interface PersistedRange extends OffsetRange {
  readonly state: Exclude<RecordState, "Acquired">
  readonly deliveryCount: number
}

/** What is kept of a partition. */
export interface PersistedSharePartition {
  readonly startOffset: bigint
  readonly ranges: ReadonlyArray<PersistedRange>
}

export interface OffsetRange {
  readonly first: bigint
  readonly last: bigint
}

export interface AcquiredRange extends OffsetRange {
  readonly deliveryCount: number
}

/** As ShareAcknowledge numbers them. What is left, 0 (a gap) and 3 (rejected), archives. */
export const ACCEPT = 1
export const RELEASE = 2
export const RENEW = 4

/** One type for all of it, or one for each offset. */
export interface Acknowledgement extends OffsetRange {
  readonly types: ReadonlyArray<number>
}

export type Event = Data.TaggedEnum<{
  /** The batches that were read, in order. `strict`: no more than `maxRecords`, else whole batches until there are so many. */
  Acquire: {
    readonly waiter: number
    readonly memberId: string
    readonly batches: ReadonlyArray<OffsetRange>
    readonly maxRecords: number
    readonly strict: boolean
    /** Batches that lie side by side are told as one range until it has so many records; no limit if it is strict. */
    readonly batchSize: number
    /** The offset that was read from: what is missing up to a batch, and between two, compaction has taken. */
    readonly from: bigint
    readonly logStartOffset: bigint
    readonly limits: ShareLimits
  }
  Acknowledge: {
    readonly waiter: number
    readonly memberId: string
    readonly batches: ReadonlyArray<Acknowledgement>
    readonly limits: ShareLimits
  }
  /** What this member holds is free again: it has gone, or its session has. */
  ReleaseMember: { readonly waiter: number; readonly memberId: string; readonly limits: ShareLimits }
  /** Everything begins anew from there: an administrator's. */
  SetStart: { readonly waiter: number; readonly startOffset: bigint }
  /** The timer went off. */
  Tick: {}
}>
export const Event = Data.taggedEnum<Event>()

export type Answer = Data.TaggedEnum<{
  Acquired: { readonly ranges: ReadonlyArray<AcquiredRange> }
  Done: {}
  Refused: { readonly error: KafkaError }
}>
export const Answer = Data.taggedEnum<Answer>()

export type Output = GroupOutput<Answer, SharePartitionState>
