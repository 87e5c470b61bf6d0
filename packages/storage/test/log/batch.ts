import * as RecordBatch from "@tusk/protocol/record/RecordBatch"

export interface BatchOptions {
  readonly records?: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly timestamp?: bigint
  readonly value?: string
  readonly isTransactional?: boolean
}

/** A batch as a producer sends it, alone in its buffer. */
export const batchOf = (options: BatchOptions = {}): Uint8Array => {
  const timestamp = options.timestamp ?? 1000n
  const records = Array.from({ length: options.records ?? 1 }, (_, i) => ({
    key: null,
    value: Buffer.from(`${options.value ?? "v"}${i}`),
    timestamp: timestamp + BigInt(i),
    headers: []
  }))
  return RecordBatch.encodeBatch(records, {
    producerId: options.producerId ?? -1n,
    producerEpoch: options.producerEpoch ?? -1,
    baseSequence: options.baseSequence ?? -1,
    isTransactional: options.isTransactional ?? false
  })
}
