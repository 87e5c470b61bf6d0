import { assert, describe, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import { ObjectReader, rangesOf } from "../../../src/log/objects/ObjectReader.ts"
import type { RangeReader } from "../../../src/log/objects/ObjectReader.ts"
import { makeMemoryObjectStore, MemoryObjects } from "../../../src/object/memory/MemoryObjectStore.ts"
import { StoreUnavailable } from "../../../src/port/StoreError.ts"
import type { ObjectPointer } from "../../../src/port/StoredBatch.ts"
import { batchOf } from "../batch.ts"

const OPTIONS = { maxGapBytes: 200, maxRangeBytes: 2000, maxRanges: 3 }

/** Objects of batches, and what each of these is as its row has it. */
interface Filled {
  readonly store: RangeReader
  readonly pointers: ReadonlyArray<ObjectPointer>
  readonly wanted: ReadonlyArray<Uint8Array>
}

const stored = (maxTimestamp: bigint, options: Parameters<typeof batchOf>[0], isLogAppendTime: boolean) => {
  const batch = batchOf(options)
  const row = batch.slice()
  // As they are put: the bit is set, the checksum is the producer's.
  if (isLogAppendTime) batch[RecordBatch.ATTRIBUTES_AT + 1]! |= RecordBatch.TIMESTAMP_TYPE_MASK
  if (isLogAppendTime) RecordBatch.setLogAppendTime(row, maxTimestamp)
  return { batch, row }
}

const fill = Effect.fnUntraced(function* (objects: number, batches: number) {
  const store = makeMemoryObjectStore(new MemoryObjects(), { maxBytes: 1 << 24 })
  const pointers: Array<ObjectPointer> = []
  const wanted: Array<Uint8Array> = []
  let baseOffset = 5n
  for (let object = 0; object < objects; object++) {
    const chunks: Array<Uint8Array> = []
    let position = 0
    for (let i = 0; i < batches; i++) {
      const maxTimestamp = BigInt(yield* Random.nextIntBetween(0, 1e12))
      const records = yield* Random.nextIntBetween(1, 12)
      const { batch, row } = stored(maxTimestamp, { records, value: `${object}.${i}.` }, yield* Random.nextBoolean)
      const pointer = {
        name: `c/i/${object}`,
        position,
        bytes: batch.byteLength,
        baseOffset,
        leaderEpoch: i,
        maxTimestamp
      }
      RecordBatch.setOffsets(row, baseOffset, i)
      pointers.push(pointer)
      wanted.push(row)
      chunks.push(batch)
      position += batch.byteLength
      baseOffset += BigInt(records)
    }
    yield* store.put(`c/i/${object}`, chunks)
  }
  return { store, pointers, wanted } satisfies Filled
})

const mayRead = Effect.void

describe("ObjectReader", () => {
  it.effect("any pointers, in any order, are the bytes that their rows mean", () =>
    Effect.gen(function* () {
      const { pointers, store, wanted } = yield* fill(5, 20)
      for (let round = 0; round < 300; round++) {
        const reader = new ObjectReader(store, mayRead, {
          maxGapBytes: yield* Random.nextIntBetween(0, 1000),
          maxRangeBytes: yield* Random.nextIntBetween(1, 5000),
          maxRanges: yield* Random.nextIntBetween(1, 5)
        })
        const picked: Array<number> = []
        const count = yield* Random.nextIntBetween(0, 30)
        while (picked.length < count) picked.push(yield* Random.nextIntBetween(0, pointers.length - 1))
        const found = yield* reader.resolve(picked.map((i) => pointers[i]!))
        assert.strictEqual(found.length, picked.length)
        for (const [at, i] of picked.entries()) {
          assert.isTrue(Buffer.compare(found[at]!, wanted[i]!) === 0, `${i}`)
          assert.isTrue(RecordBatch.isCrcValid(found[at]!))
        }
      }
    })
  )

  it.effect("one batch that two rows hold has the offsets of each", () =>
    Effect.gen(function* () {
      const { pointers, store } = yield* fill(1, 3)
      const reader = new ObjectReader(store, mayRead, OPTIONS)
      const offsets = [1n, 7n, 3n]
      const found = yield* reader.resolve(offsets.map((baseOffset) => ({ ...pointers[1]!, baseOffset })))
      assert.deepStrictEqual(found.map(RecordBatch.baseOffset), offsets)
    })
  )

  it("what lies near each other is one range of a bounded size, what does not is another", () => {
    const at = (name: string, position: number, bytes = 100): ObjectPointer => ({
      name,
      position,
      bytes,
      baseOffset: 0n,
      leaderEpoch: 0,
      maxTimestamp: 0n
    })
    const ranges = (pointers: ReadonlyArray<ObjectPointer>) =>
      rangesOf(pointers, { maxGapBytes: 50, maxRangeBytes: 400 }).map(({ from, name, to, wanted }) => [
        name,
        from,
        to,
        wanted.map((each) => each.at)
      ])
    assert.deepStrictEqual(ranges([at("a", 150), at("b", 100), at("a", 0), at("a", 301), at("a", 401)]), [
      ["a", 0, 250, [2, 0]],
      ["a", 301, 501, [3, 4]],
      ["b", 100, 200, [1]]
    ])
    assert.deepStrictEqual(ranges([at("a", 0), at("a", 100, 1000), at("a", 1100), at("a", 1200)]), [
      ["a", 0, 100, [0]],
      ["a", 100, 1100, [1]],
      ["a", 1100, 1300, [2, 3]]
    ])
    assert.deepStrictEqual(ranges([]), [])
  })

  it.live("ranges are asked for side by side, within the bound, whoever asks", () =>
    Effect.gen(function* () {
      const { pointers, store } = yield* fill(6, 1)
      let inFlight = 0
      let most = 0
      const slow: RangeReader = {
        name: "slow:",
        get: (name, from, to) =>
          Effect.suspend(() => {
            most = Math.max(most, ++inFlight)
            return Effect.yieldNow.pipe(
              Effect.andThen(store.get(name, from, to)),
              Effect.ensuring(Effect.sync(() => inFlight--))
            )
          })
      }
      const reader = new ObjectReader(slow, mayRead, OPTIONS)
      yield* Effect.all([reader.resolve(pointers), reader.resolve(pointers)], { concurrency: 2 })
      assert.strictEqual(most, 3)
    })
  )

  describe("troubles", () => {
    const lines: Array<string> = []
    const capturing = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    const told = Effect.sync(() => lines.splice(0))

    it.effect("an object that is missing is told once, and once more when all is well", () =>
      Effect.gen(function* () {
        const { pointers, store } = yield* fill(1, 2)
        const gone = { ...pointers[0]!, name: "c/i/gone" }
        const reader = new ObjectReader(store, mayRead, OPTIONS)
        for (let i = 0; i < 5; i++) {
          const error = yield* Effect.flip(reader.resolve([pointers[1]!, gone]))
          assert.strictEqual(error._tag, "StoreUnavailable")
          assert.strictEqual(error.message, "object c/i/gone, in which batches lie, is not in memory:")
        }
        assert.deepStrictEqual(yield* told, ["object c/i/gone, in which batches lie, is not in memory:"])
        yield* reader.resolve(pointers)
        yield* reader.resolve(pointers)
        assert.deepStrictEqual(yield* told, ["batches are read out of objects again"])
      }).pipe(Effect.provide(capturing))
    )

    it.effect("bytes that are no batch, or another one's, are given to nobody", () =>
      Effect.gen(function* () {
        const { pointers, store } = yield* fill(1, 3)
        const { bytes, position } = pointers[1]!
        const last = pointers[2]!
        const reader = new ObjectReader(store, mayRead, OPTIONS)
        for (const wrong of [
          { position: position + 1 },
          { bytes: bytes - 1 },
          { bytes: bytes + 1 },
          { bytes: 10 },
          { position: last.position + 5, bytes: last.bytes }
        ]) {
          const error = yield* Effect.flip(reader.resolve([pointers[0]!, { ...pointers[1]!, ...wrong }]))
          assert.strictEqual(error._tag, "StoreUnavailable")
        }
        yield* told
      }).pipe(Effect.provide(capturing))
    )

    it.effect("nothing is asked of the store while nothing may be read", () =>
      Effect.gen(function* () {
        const { pointers } = yield* fill(1, 1)
        const refused = new StoreUnavailable({ message: "tusk object adopt" })
        const silent: RangeReader = { name: "never:", get: () => Effect.die("asked") }
        const reader = new ObjectReader(silent, Effect.fail(refused), OPTIONS)
        assert.strictEqual(yield* Effect.flip(reader.resolve(pointers)), refused)
      })
    )
  })
})
