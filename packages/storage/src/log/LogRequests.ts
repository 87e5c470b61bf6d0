export interface AppendRequest {
  readonly partitionId: number
  /** One record batch of magic 2 that `validateBatch` accepted. Its offsets are patched in place. */
  readonly batch: Uint8Array
  /** The topic's `message.timestamp.type` is LogAppendTime. */
  readonly stampTime: boolean
  /** Its topic's `tusk.synchronous.commit` is off. */
  readonly relaxed?: boolean
}

export interface Appended {
  readonly baseOffset: bigint
  /** Milliseconds, -1 where the producer's timestamps stay. */
  readonly logAppendTime: bigint
  readonly logStartOffset: bigint
}

export interface ReadOptions {
  /** Over all partitions. */
  readonly maxBytes: number
  /** The first batch comes even if it is larger than every limit (KIP-74). */
  readonly atLeastOne: boolean
}

export interface PartitionRead {
  readonly partitionId: number
  readonly batches: ReadonlyArray<Uint8Array>
  readonly bytes: number
  readonly highWatermark: bigint
  readonly lastStableOffset: bigint
  readonly logStartOffset: bigint
}

export interface PartitionEnd {
  readonly logStartOffset: bigint
  readonly highWatermark: bigint
  /** Bytes ever appended. */
  readonly cumulativeBytes: bigint
  /** The greatest timestamp of all; -1 for none. */
  readonly timestampHigh: bigint
  /** The leader epoch of a record at an offset; -1 for none known. */
  readonly epochAt: (offset: bigint) => number
}

/** With the bytes of the batches that are there, which may have to be added up first. */
export interface MeasuredEnd extends PartitionEnd {
  readonly sizeBytes: bigint
}
