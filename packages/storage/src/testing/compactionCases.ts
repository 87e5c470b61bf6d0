import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Write } from "../port/Write.ts"
import type { Append } from "../port/Write.ts"
import { Model } from "./storeScenarios.ts"
import type { Scenarios } from "./storeScenarios.ts"

/** A real batch of one keyless record, for what is read out of it. */
const batch = (baseOffset: bigint, records: number, timestamp: bigint, value: string): Uint8Array =>
  RecordBatch.encodeBatch([{ offset: baseOffset, timestamp, value: Buffer.from(value) }], {
    offsets: "kept",
    baseOffset,
    lastOffset: baseOffset + BigInt(records - 1)
  })

const real = (model: Model, records: number, maxTimestamp: bigint, value: string, producerId?: bigint): Append => {
  const bytes = batch(model.end, records, maxTimestamp, value)
  const shape = { records, bytes: bytes.byteLength, maxTimestamp, ...(producerId !== undefined && { producerId }) }
  return { ...model.append(shape), records: bytes }
}

/** What is known of batches without their bytes, and batches that others take the place of. */
export const compactionCases = ({ loadOne, log }: Scenarios): void => {
  describe("sizes", () => {
    log("of batches from the one that holds an offset on, or the next one, as many as asked for", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([
          [
            model.append({ records: 3, bytes: 10, maxTimestamp: 50n }),
            model.append({ records: 2, bytes: 20, maxTimestamp: 40n })
          ]
        ])
        model.skip(5)
        yield* store.commit([[model.append({ bytes: 30, maxTimestamp: 60n })]])
        const all = [
          { baseOffset: 0n, lastOffset: 2n, maxTimestamp: 50n, timestampHigh: 50n, cumulativeBytes: 10n, bytes: 10 },
          { baseOffset: 3n, lastOffset: 4n, maxTimestamp: 40n, timestampHigh: 50n, cumulativeBytes: 30n, bytes: 20 },
          { baseOffset: 10n, lastOffset: 10n, maxTimestamp: 60n, timestampHigh: 60n, cumulativeBytes: 60n, bytes: 30 }
        ]
        const sizes = (from: bigint, limit = 10) => store.sizes(1, from, limit)
        expect(yield* sizes(0n)).toMatchObject(all)
        expect(yield* sizes(2n)).toMatchObject(all)
        expect(yield* sizes(4n, 1)).toMatchObject(all.slice(1, 2))
        expect(yield* sizes(7n)).toMatchObject(all.slice(2))
        expect(yield* sizes(11n)).toEqual([])
        expect(yield* store.sizes(9, 0n, 10)).toEqual([])
      })
    )
  })

  describe("compaction", () => {
    log("puts batches in the place of others, takes some away, and offsets and ends stay", (store, model) =>
      Effect.gen(function* () {
        const appends = [
          real(model, 3, 500n, "one", 7n),
          real(model, 2, 900n, "two"),
          real(model, 4, 300n, "three"),
          real(model, 1, 400n, "four")
        ]
        yield* store.commit([appends])
        const shorter = batch(0n, 3, 100n, "1")
        yield* store.commit([
          [
            Write.ReplaceBatches({
              partitionId: 1,
              batches: [
                { baseOffset: 0n, records: shorter },
                { baseOffset: 3n, records: null },
                { baseOffset: 1n, records: shorter },
                { baseOffset: 77n, records: null }
              ]
            }),
            Write.PutCompaction({
              partitionId: 1,
              compaction: { cleanedOffset: 5n, cleanedBytes: 123n, deleteHorizon: 8n }
            })
          ]
        ])
        const left = [shorter, appends[2]!.records, appends[3]!.records]
        const [read] = yield* store.read([{ partitionId: 1, from: 0n, maxBytes: 10_000 }], 10_000)
        expect(read!.map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual(
          left.map((bytes) => Buffer.from(bytes).toString("hex"))
        )
        // From an offset in a batch that is gone, the next batch is read.
        const [next] = yield* store.read([{ partitionId: 1, from: 3n, maxBytes: 10_000 }], 10_000)
        expect(next!.map(RecordBatch.baseOffset)).toEqual([5n, 9n])
        expect((yield* store.sizes(1, 0n, 10)).map(({ maxTimestamp }) => maxTimestamp)).toEqual([100n, 300n, 400n])
        expect(yield* loadOne(store)).toMatchObject({
          endOffset: 10n,
          timestampHigh: 900n,
          cumulativeBytes: appends[3]!.cumulativeBytes,
          sizeBytes: undefined,
          compaction: { cleanedOffset: 5n, cleanedBytes: 123n, deleteHorizon: 8n },
          producerBatches: [{ baseOffset: 0n, lastOffset: 2n, producerId: 7n }]
        })
        expect(yield* store.sizeOf(1)).toEqual({
          cumulativeBytes: appends[3]!.cumulativeBytes,
          sizeBytes: left.reduce((sum, bytes) => sum + BigInt(bytes.byteLength), 0n)
        })
        // The running maximum of times stays: what has it may be gone, and the search goes on from there.
        const found = yield* store.findByTimestamp(1, 900n)
        expect(RecordBatch.baseOffset(found!)).toBe(5n)
      })
    )

    log("never takes the newest batch away, and nothing of a partition that is not there", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([[real(model, 1, 1n, "a"), real(model, 1, 2n, "b")]])
        const gone = (baseOffset: bigint, partitionId = 1) =>
          Write.ReplaceBatches({ partitionId, batches: [{ baseOffset, records: null }] })
        yield* store.commit([[gone(0n), gone(1n), gone(0n, 99)]])
        expect((yield* store.sizes(1, 0n, 10)).map(({ baseOffset }) => baseOffset)).toEqual([1n])
        const compaction = { cleanedOffset: 1n, cleanedBytes: 1n, deleteHorizon: -1n }
        yield* store.commit([[Write.PutCompaction({ partitionId: 99, compaction })]])
        expect((yield* loadOne(store)).compaction).toBeNull()
      })
    )
  })
}
