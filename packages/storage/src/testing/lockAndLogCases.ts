import { describe, expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Write } from "../port/Write.ts"
import type { Append, Unit } from "../port/Write.ts"
import { Model, TOPIC, OTHER_TOPIC, MEBIBYTE, topicWith, offset, brief, briefly, byText } from "./storeScenarios.ts"
import type { Scenarios } from "./storeScenarios.ts"

/** What is known of a partition that was never written. */
const NOTHING_YET = {
  localStartOffset: 0n,
  leaderEpochs: [],
  compaction: null,
  producerSnapshot: null,
  producerBatches: [],
  openTransactions: [],
  lastAborted: -1n
}

/** Commits, reads and the ends of partitions. */
export const lockAndLogCases = ({ scenario, log, readOne, loadOne }: Scenarios): void => {
  describe("commit", () => {
    scenario("what stands in several units is stored, in order", ({ store }) =>
      Effect.gen(function* () {
        const one = new Model(1)
        const two = new Model(2)
        yield* store.commit([
          topicWith(TOPIC, "t", [1, 2]),
          [one.append(), two.append({ bytes: 10 })],
          [],
          [one.append({ bytes: 20 }), Write.PutLeaderEpoch({ partitionId: 1, epoch: 1, startOffset: 0n })]
        ])
        expect(yield* readOne(store, 0n, 1000)).toEqual(briefly(one.batches))
        expect(yield* readOne(store, 0n, 1000, 2)).toEqual(briefly(two.batches))
        expect((yield* loadOne(store)).leaderEpochs).toEqual([{ epoch: 1, startOffset: 0n }])
      })
    )

    log("nothing at all may be committed", (store) => store.commit([]))

    log("one bad write, and nothing of the commit is there", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([[model.append()]])
        const stored = model.batches[0]!
        const other = new Model(2)
        const refused = yield* Effect.flip(
          store.commit([
            topicWith(OTHER_TOPIC, "other", [2]),
            [other.append()],
            [model.append(), offset("g", 1, 1n), Write.PutGroup({ groupId: "g", kind: "classic", value: "{}" })],
            [Write.PutNextProducerId({ next: 5n })],
            [stored]
          ])
        )
        expect(refused._tag).toBe("OutcomeUnknown")
        yield* store.ping
        expect(yield* readOne(store, 0n, 1000)).toEqual(briefly([stored]))
        expect(yield* readOne(store, 0n, 1000, 2)).toEqual([])
        expect([yield* store.loadOffsets, yield* store.loadClaims]).toEqual([[], []])
        expect(yield* store.loadGroups).toEqual([])
        // The same offset can be given anew: the failure left no hole and no claim.
        const again = new Model(1)
        again.append()
        yield* store.commit([[again.append({ bytes: 7 })]])
        expect((yield* loadOne(store)).endOffset).toBe(2n)
      })
    )

    log("a topic name is there once", (store) =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(store.commit([topicWith(OTHER_TOPIC, "t", [2])]))
        expect(refused._tag).toBe("StoreRefused")
        yield* store.commit([topicWith(TOPIC, "t", [])])
        const double = yield* Effect.flip(
          store.commit([[Write.PutPartition({ topicId: TOPIC, index: 1, partitionId: 1 })]])
        )
        expect(double._tag).toBe("StoreRefused")
      })
    )

    log("1,000 units of every hot kind in one commit", (store, model) =>
      Effect.gen(function* () {
        const units = Array.from({ length: 1000 }, (_, i): Unit =>
          i % 2 === 0 ? [model.append({ bytes: 1 + (i % 300) })] : [offset(`g${i % 10}`, 1, BigInt(i), `m${i}`)]
        )
        yield* store.commit(units)
        expect(yield* readOne(store, 0n, MEBIBYTE)).toEqual(briefly(model.batches))
        const offsets = yield* store.loadOffsets
        expect(offsets.map((stored) => `${stored.groupId} ${stored.offset} ${stored.metadata}`).sort(byText)).toEqual(
          [1, 3, 5, 7, 9].map((i) => `g${i} ${990 + i} m${990 + i}`)
        )
      })
    )

    log("a batch of 8 MiB, and records of every size around the pages of a connection", (store, model) =>
      Effect.gen(function* () {
        const sizes = [1, 4095, 4096, 4097, 65_536, 131_067, 131_072, 200_000, 8 * MEBIBYTE, 3]
        yield* store.commit([sizes.map((bytes) => model.append({ bytes }))])
        const [batches] = yield* store.read([{ partitionId: 1, from: 0n, maxBytes: 64 * MEBIBYTE }], 64 * MEBIBYTE)
        expect(batches!.map((bytes) => bytes.byteLength)).toEqual(sizes)
        expect(batches!.every((bytes, i) => Buffer.compare(bytes, model.batches[i]!.records) === 0)).toBe(true)
      })
    )

    log("commits one after the other keep their order", (store, model) =>
      Effect.gen(function* () {
        for (let i = 0; i < 20; i++) yield* store.commit([[model.append({ bytes: i + 1 })]])
        expect(yield* readOne(store, 0n, 10_000)).toEqual(briefly(model.batches))
      })
    )
  })

  describe("read", () => {
    log("starts with the batch that holds the offset, or with the next", (store, model) =>
      Effect.gen(function* () {
        const first = model.append({ records: 10 })
        const second = model.append({ records: 5 })
        model.skip(5)
        const third = model.append({ records: 1 })
        yield* store.commit([[first, second, third]])
        const expected: ReadonlyArray<readonly [bigint, ReadonlyArray<Append>]> = [
          [0n, [first, second, third]],
          [3n, [first, second, third]],
          [9n, [first, second, third]],
          [10n, [second, third]],
          [14n, [second, third]],
          [15n, [third]],
          [19n, [third]],
          [20n, [third]],
          [21n, []],
          [1_000_000_000_000n, []]
        ]
        for (const [from, batches] of expected) {
          expect([from, yield* readOne(store, from, 1000)]).toEqual([from, briefly(batches)])
        }
      })
    )

    log("takes what fits, and the very first batch whatever its size", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([Array.from({ length: 10 }, () => model.append({ bytes: 100 }))])
        const count = (from: bigint, maxBytes: number) =>
          Effect.map(readOne(store, from, maxBytes), (batches) => batches.length)
        expect(yield* count(0n, 0)).toBe(1)
        expect(yield* count(0n, 99)).toBe(1)
        expect(yield* count(0n, 199)).toBe(1)
        expect(yield* count(0n, 200)).toBe(2)
        expect(yield* count(8n, 1000)).toBe(2)
        expect(yield* count(0n, 2_147_483_647)).toBe(10)
      })
    )

    scenario("answers in order of requests, all together within the bound", ({ store }) =>
      Effect.gen(function* () {
        const models = [new Model(1), new Model(2), new Model(3), new Model(4)]
        yield* store.commit([topicWith(TOPIC, "t", [1, 2, 3, 4])])
        // The third has nothing.
        yield* store.commit([
          [0, 1, 3].flatMap((i) => Array.from({ length: 5 }, () => models[i]!.append({ bytes: 100 + i })))
        ])
        const read = (maxBytes: number, each = 1000) =>
          Effect.map(
            store.read(
              [3, 1, 99, 4, 2].map((partitionId) => ({ partitionId, from: 0n, maxBytes: each })),
              maxBytes
            ),
            (answers) => answers.map((batches) => brief(batches).length)
          )
        expect(yield* read(100_000)).toEqual([0, 5, 0, 5, 5])
        expect(yield* read(0)).toEqual([0, 1, 0, 0, 0])
        expect(yield* read(100)).toEqual([0, 1, 0, 0, 0])
        expect(yield* read(500 + 103)).toEqual([0, 5, 0, 1, 0])
        expect(yield* read(100_000, 210)).toEqual([0, 2, 0, 2, 2])
        expect(yield* store.read([], 1000)).toEqual([])
      })
    )

    log("the same partition may be asked for twice", (store, model) =>
      Effect.gen(function* () {
        yield* store.commit([[model.append(), model.append()]])
        const answers = yield* store.read(
          [
            { partitionId: 1, from: 1n, maxBytes: 1000 },
            { partitionId: 1, from: 0n, maxBytes: 1000 }
          ],
          1000
        )
        expect(answers.map(brief)).toEqual([briefly(model.batches.slice(1)), briefly(model.batches)])
      })
    )
  })

  describe("loadPartitions", () => {
    scenario("ends, sizes, epochs and producers", ({ store }) =>
      Effect.gen(function* () {
        const model = new Model(2)
        yield* store.commit([topicWith(TOPIC, "t", [1, 2])])
        yield* store.commit([
          [
            model.append({ records: 3, bytes: 50, maxTimestamp: 900n, producerId: 12n }),
            model.append({ records: 2, bytes: 60, maxTimestamp: 800n }),
            model.append({ records: 1, bytes: 70, maxTimestamp: 850n, producerId: 13n })
          ],
          [
            Write.PutLeaderEpoch({ partitionId: 2, epoch: 1, startOffset: 0n }),
            Write.PutLeaderEpoch({ partitionId: 2, epoch: 4, startOffset: 5n })
          ]
        ])
        const empty = {
          partitionId: 1,
          failoverEpoch: 0,
          logStartOffset: 0n,
          endOffset: 0n,
          timestampHigh: -1n,
          cumulativeBytes: 0n,
          sizeBytes: 0n,
          ...NOTHING_YET
        }
        const head = (index: number) => {
          const { baseOffset, lastOffset, maxTimestamp, producerId, producerEpoch, baseSequence } =
            model.batches[index]!
          return { baseOffset, lastOffset, maxTimestamp, producerId, producerEpoch, baseSequence }
        }
        const [first, second, ...others] = yield* store.loadPartitions([1, 2, 99])
        expect(others).toEqual([])
        expect(first).toEqual(empty)
        expect(second).toMatchObject({
          partitionId: 2,
          logStartOffset: 0n,
          endOffset: 6n,
          timestampHigh: 900n,
          cumulativeBytes: 180n,
          sizeBytes: 180n,
          leaderEpochs: [
            { epoch: 1, startOffset: 0n },
            { epoch: 4, startOffset: 5n }
          ],
          producerSnapshot: null
        })
        expect(second!.producerBatches).toMatchObject([head(0), head(2)])
        expect(second!.producerBatches.length).toBe(2)

        // What a snapshot covers is not listed again; the last snapshot holds.
        yield* store.commit([
          [
            Write.PutProducerSnapshot({ partitionId: 2, endOffset: 3n, value: new Uint8Array([1]) }),
            Write.PutProducerSnapshot({ partitionId: 2, endOffset: 5n, value: new Uint8Array([9, 0, 255]) })
          ]
        ])
        const later = yield* loadOne(store, 2)
        expect(later.producerSnapshot).toEqual({ endOffset: 5n, value: new Uint8Array([9, 0, 255]) })
        expect(later.producerBatches.map((batch) => batch.baseOffset)).toEqual([5n])
      })
    )

    scenario("thousands at once", ({ store }) =>
      Effect.gen(function* () {
        const ids = Array.from({ length: 2500 }, (_, i) => i + 1)
        const models = ids.map((partitionId) => new Model(partitionId))
        yield* store.commit([topicWith(TOPIC, "t", ids)])
        yield* store.commit([models.filter((_, i) => i % 3 === 0).map((model) => model.append({ bytes: 10 }))])
        const loaded = yield* store.loadPartitions(ids)
        expect(loaded.map((partition) => partition.partitionId)).toEqual(ids)
        expect(loaded.filter((partition) => partition.endOffset === 1n).length).toBe(834)
      })
    )
  })
}
