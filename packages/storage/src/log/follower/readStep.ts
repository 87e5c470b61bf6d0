import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { UNCOMPRESSED } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { FollowedStep } from "../../port/FollowerRows.ts"
import type { OpenBatches } from "../batches/OpenBatches.ts"
import type { Log } from "../Log.ts"
import { AbortedBatches } from "../partitions/AbortedBatches.ts"
import type { FollowerOptions } from "./FollowerOptions.ts"

/** Reads on from an offset, for readers of committed records. `end`: where these ended before. */
export type ReadStep = (partitionId: number, from: bigint, end: bigint) => Effect.Effect<FollowedStep, KafkaError>

export const makeReadStep = (
  log: Pick<Log["Service"], "read">,
  open: Pick<OpenBatches["Service"], "use">,
  { openBytes, stepBytes }: Pick<FollowerOptions, "openBytes" | "stepBytes">
): ReadStep => {
  /** The batch without compression; undefined if it cannot be opened. */
  const opened = Effect.fnUntraced(function* (partitionId: number, batch: Uint8Array) {
    if (RecordBatch.compressionCodec(batch) === UNCOMPRESSED) return batch
    const plain = yield* open.use(batch, (records) =>
      Effect.succeed(RecordBatch.withRecords(batch, UNCOMPRESSED, records))
    )
    if (!isKafkaError(plain)) return plain
    const where = `the batch at ${RecordBatch.baseOffset(batch)} of partition ${partitionId}`
    yield* Effect.logWarning(`kafka.unpacked leaves out ${where}: ${plain._tag}`)
    return undefined
  })

  return Effect.fnUntraced(function* (partitionId, from, end) {
    const [read] = yield* log.read([{ partitionId, from, maxBytes: stepBytes }], {
      bound: "LastStableOffset",
      maxBytes: stepBytes,
      atLeastOne: true
    })
    if (isKafkaError(read!)) return yield* read
    const aborted = new AbortedBatches(read!.aborted)
    const batches: Array<Uint8Array> = []
    let bytes = 0
    // Without a batch there was none up to the end that was known before.
    let to = read!.batches.length === 0 ? end : from
    for (const batch of read!.batches) {
      // What is left is read once more: memory holds open batches of one step.
      if (bytes >= openBytes) break
      to = RecordBatch.lastOffset(batch) + 1n
      if (RecordBatch.isControl(batch) || aborted.has(batch)) continue
      const plain = yield* opened(partitionId, batch)
      if (plain === undefined) continue
      batches.push(plain)
      bytes += plain.byteLength
    }
    return { partitionId, from, to, batches }
  })
}
