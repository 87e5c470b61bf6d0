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
