import type { MayBegin } from "../partitions/Proposal.ts"

/** A batch to append to a partition. */
export interface AppendRequest {
  readonly partitionId: number
  /** One record batch of magic 2 that `validateBatch` accepted. Its offsets are patched in place. */
  readonly batch: Uint8Array
  /** The topic's `message.timestamp.type` is LogAppendTime. */
  readonly stampTime: boolean
  /** Its topic's `tusk.synchronous.commit` is off. */
  readonly relaxed?: boolean
  /** For a transactional batch: asked in the commit's turn before the first one of a transaction. None: it is refused. */
  readonly mayBegin?: MayBegin
}

/** Where a batch lies now. */
export interface Appended {
  readonly baseOffset: bigint
  /** Milliseconds, -1 if the producer's timestamps stay. */
  readonly logAppendTime: bigint
  readonly logStartOffset: bigint
}
