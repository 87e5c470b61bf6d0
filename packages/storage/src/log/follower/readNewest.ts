import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { ReadStep } from "./readStep.ts"

interface Wanted {
  readonly partitionId: number
  readonly key: Uint8Array
  readonly from: bigint
  readonly to: bigint
}

/** Most batches lack the very bytes: these are not looked into. */
const holds = (batch: Uint8Array, { from, key, to }: Wanted): boolean => {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  if (Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength).indexOf(bytes) < 0) return false
  let isFound = false
  RecordBatch.visitRecords(batch, { maxDecompressedBytes: batch.byteLength }, ({ key: other, offset }) => {
    isFound = other !== null && offset >= from && offset < to && bytes.equals(other)
    return !isFound
  })
  return isFound
}

/** The last batch of a part of a log that has a record of a key; batch after batch, of which one stays in memory. */
export const readNewest = (readStep: ReadStep, wanted: Wanted): Effect.Effect<Uint8Array | undefined, KafkaError> =>
  Effect.gen(function* () {
    const { partitionId, to } = wanted
    let newest: Uint8Array | undefined
    let at = wanted.from
    while (at < to) {
      const step = yield* readStep(partitionId, at, to)
      newest = step.batches.findLast((batch) => holds(batch, wanted)) ?? newest
      at = step.to
    }
    return newest
  })
