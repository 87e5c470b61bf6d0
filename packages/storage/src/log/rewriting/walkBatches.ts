import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { BatchReader } from "../../port/BatchReader.ts"
import type { StoreError } from "../../port/StoreError.ts"

/** A part of a partition's log: batches from `from` on that end below `end`. */
export interface Range {
  readonly partitionId: number
  readonly from: bigint
  readonly end: bigint
}

/** Walks over batches, about `stepBytes` of them at a time, until `use` says that it is enough (false). */
export type WalkBatches = (
  range: Range,
  use: (batches: ReadonlyArray<Uint8Array>) => Effect.Effect<boolean, KafkaError | StoreError>
) => Effect.Effect<void, KafkaError | StoreError>

/** The next batches of a range, about `stepBytes` of them; none: the range has no others. */
export type ReadBatches = (range: Range) => Effect.Effect<ReadonlyArray<Uint8Array>, StoreError>

export const makeReadBatches = (reader: BatchReader, stepBytes: number): ReadBatches =>
  Effect.fnUntraced(function* ({ end, from, partitionId }) {
    const [read] = yield* reader.read([{ partitionId, from, maxBytes: stepBytes }], stepBytes)
    return read!.filter((batch) => RecordBatch.lastOffset(batch) < end)
  })

/** Each step in a turn of its own, as `inTurn` gives it. */
export const makeWalkBatches = (
  read: ReadBatches,
  inTurn: <A, E>(partitionId: number, work: Effect.Effect<A, E>) => Effect.Effect<A, E> = (_, work) => work
): WalkBatches =>
  Effect.fnUntraced(function* (range, use) {
    const step = Effect.fnUntraced(function* (from: bigint) {
      const batches = yield* read({ ...range, from })
      if (batches.length === 0 || !(yield* use(batches))) return undefined
      return RecordBatch.lastOffset(batches.at(-1)!) + 1n
    })
    let at: bigint | undefined = range.from
    while (at !== undefined && at < range.end) at = yield* inTurn(range.partitionId, step(at))
  })
