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
  /** Its bytes go into an object: its topic's `tusk.storage` is `object`. With `stampTime`, they say so before they are stored. */
  readonly object?: boolean
  /** For a transactional batch: asked in the commit's turn before the first one of a transaction. None: it is refused. */
  readonly mayBegin?: MayBegin
  /**
   * The batch is one that `validateImported` accepted, and keeps its base offset: nothing lies between this offset and that
   * one where it comes from. DUPLICATE_SEQUENCE_NUMBER: the log has its offsets already. OUT_OF_ORDER_SEQUENCE_NUMBER: the
   * log has some of them, or ends before `importedTo`.
   */
  readonly importedTo?: bigint
}

/** Where a batch lies now. */
export interface Appended {
  readonly baseOffset: bigint
  /** Milliseconds, -1 if the producer's timestamps stay. */
  readonly logAppendTime: bigint
  readonly logStartOffset: bigint
}
