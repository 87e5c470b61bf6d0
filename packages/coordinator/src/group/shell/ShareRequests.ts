import type { Acknowledgement, AcquiredRange } from "../share/SharePartitionState.ts"

/** What a member asks a partition for. */
export interface Acquire {
  readonly groupId: string
  readonly memberId: string
  readonly partitionId: number
  readonly maxBytes: number
  readonly maxRecords: number
  /** Not one record more (KIP-1206); else whole batches until there are so many. */
  readonly strict: boolean
  /** Records that are told as one range, at least, if so many lie side by side. */
  readonly batchSize: number
}

/** Whole batches, and the ranges of their records that the member has acquired. */
export interface AcquiredRecords {
  readonly batches: ReadonlyArray<Uint8Array>
  readonly ranges: ReadonlyArray<AcquiredRange>
}

/** What a member says of the records that it acquired. */
export interface Acknowledge {
  readonly groupId: string
  readonly memberId: string
  readonly partitionId: number
  readonly batches: ReadonlyArray<Acknowledgement>
}
