import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { isKafkaError } from "../../../src/log/Log.ts"
import type { Log } from "../../../src/log/Log.ts"
import type { Bound } from "../../../src/log/partitions/Bound.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"
import { serving } from "../serving.ts"

type Service = Log["Service"]

const send = (log: Service, partitionId: number, producerId: bigint, baseSequence: number) =>
  log.append([
    {
      partitionId,
      stampTime: false,
      mayBegin: () => undefined,
      batch: batchOf({ producerId, producerEpoch: 0, baseSequence, isTransactional: true })
    }
  ])

/** First offsets of what was aborted among what is read, and how much that is. */
const read = (log: Service, partitionId: number, from: bigint, maxBytes = 1 << 20, bound: Bound = "LastStableOffset") =>
  Effect.map(log.read([{ partitionId, from, maxBytes }], { bound, maxBytes, atLeastOne: true }), ([found]) => {
    if (isKafkaError(found!)) throw new Error(found._tag)
    return { aborted: found!.aborted.map(({ firstOffset }) => firstOffset), batches: found!.batches.length }
  })

describe("a read tells which transactions among its batches were aborted", () => {
  for (const [where, tailMaxBytes] of [
    ["the tail", 1 << 20],
    ["the store", 0]
  ] as const) {
    it.effect(`of ${where}, by range, and to no reader up to the high watermark`, () =>
      serving(
        new FaultyStore(),
        ({ committing, log, partitions }) =>
          Effect.gen(function* () {
            const [partitionId] = yield* partitions(1)
            const end = (producerId: bigint, committed: boolean) =>
              committing(
                log.marking([
                  {
                    partitionId: partitionId!,
                    marker: { producerId, producerEpoch: 0, coordinatorEpoch: 1, committed, raisesEpoch: false }
                  }
                ])
              )
            yield* send(log, partitionId!, 1n, 0)
            yield* send(log, partitionId!, 2n, 0)
            yield* end(1n, false)
            yield* end(2n, true)
            yield* send(log, partitionId!, 2n, 1)
            yield* end(2n, false)
            assert.deepStrictEqual(yield* read(log, partitionId!, 0n), { aborted: [0n, 4n], batches: 6 })
            assert.deepStrictEqual(yield* read(log, partitionId!, 0n, 1), { aborted: [0n], batches: 1 })
            assert.deepStrictEqual(yield* read(log, partitionId!, 3n), { aborted: [4n], batches: 3 })
            assert.deepStrictEqual(yield* read(log, partitionId!, 6n), { aborted: [], batches: 0 })
            const all = yield* read(log, partitionId!, 0n, 1 << 20, "HighWatermark")
            assert.deepStrictEqual(all, { aborted: [], batches: 6 })
          }),
        tailMaxBytes
      )
    )
  }
})
