import { assert, describe, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import { ReadAhead } from "../../../src/log/read/ReadAhead.ts"
import type { BatchReader } from "../../../src/port/BatchReader.ts"
import type { ReadRequest } from "../../../src/port/BatchReader.ts"
import { StoreUnavailable } from "../../../src/port/StoreError.ts"
import { batchOf } from "../batch.ts"

/** Batches of one record and of one size, as many as there are. */
const SIZE = batchOf({}).byteLength

/** A store that only reads, from `end` batches of each partition, and remembers what it was asked for. */
const makeStore = () => {
  const asked: Array<ReadonlyArray<ReadRequest>> = []
  const open = Latch.makeUnsafe(true)
  const state = { end: 1000n, failing: false }
  const batch = (offset: bigint) => {
    const made = batchOf({})
    RecordBatch.setOffsets(made, offset, 1)
    return made
  }
  const now = (requests: ReadonlyArray<ReadRequest>, maxBytes: number) => {
    let left = maxBytes
    let first = true
    return requests.map(({ from, maxBytes: room }) => {
      const found: Array<Uint8Array> = []
      let bytes = 0
      for (let offset = from; offset < state.end; offset++) {
        if ((bytes + SIZE > room || SIZE > left) && !first) break
        found.push(batch(offset))
        bytes += SIZE
        left -= SIZE
        first = false
      }
      return found
    })
  }
  const read: BatchReader["read"] = (requests, maxBytes) =>
    Effect.suspend(() => {
      asked.push(requests)
      return Effect.andThen(
        open.await,
        Effect.suspend(() =>
          state.failing
            ? Effect.fail(new StoreUnavailable({ message: "away" }))
            : Effect.succeed(now(requests, maxBytes))
        )
      )
    })
  return { asked, open, state, now, store: { read } }
}

const request = (from: bigint, batches = 2, partitionId = 1): ReadRequest => ({
  partitionId,
  from,
  maxBytes: batches * SIZE
})
const offsets = (found: ReadonlyArray<ReadonlyArray<Uint8Array>>) =>
  found.map((batches) => batches.map(RecordBatch.baseOffset))
/** Lets what was begun in the background come to its end. */
const settled = Effect.yieldNow.pipe(Effect.repeat({ times: 20 }))

describe("reading ahead", () => {
  it.effect("is of no use for what is near", () =>
    Effect.gen(function* () {
      const { asked, store } = makeStore()
      const near = { ...store, isNear: ({ partitionId }: { readonly partitionId: number }) => partitionId === 1 }
      const ahead = new ReadAhead(near, yield* Effect.scope, 100 * SIZE)
      for (const from of [0n, 2n, 4n]) {
        assert.deepStrictEqual(offsets(yield* ahead.read([request(from), request(from, 2, 2)], 4 * SIZE)), [
          [from, from + 1n],
          [from, from + 1n]
        ])
        yield* settled
      }
      const read = asked.flat().map(({ from, partitionId }) => [partitionId, from])
      assert.deepStrictEqual(
        read.filter(([partitionId]) => partitionId === 1).map(([, from]) => from),
        [0n, 2n, 4n]
      )
      assert.deepStrictEqual(
        read.filter(([partitionId]) => partitionId === 2).map(([, from]) => from),
        [0n, 2n, 4n, 6n]
      )
    })
  )

  it.effect("begins when a reader goes on where it stopped, and gives what was read", () =>
    Effect.gen(function* () {
      const { asked, store } = makeStore()
      const ahead = new ReadAhead(store, yield* Effect.scope, 100 * SIZE)
      assert.deepStrictEqual(offsets(yield* ahead.read([request(0n)], 100 * SIZE)), [[0n, 1n]])
      yield* settled
      assert.strictEqual(asked.length, 1)
      assert.deepStrictEqual(offsets(yield* ahead.read([request(2n)], 100 * SIZE)), [[2n, 3n]])
      yield* settled
      assert.deepStrictEqual(asked.at(-1), [request(4n)])
      assert.strictEqual(ahead.bytes, 2 * SIZE)
      const before = asked.length
      assert.deepStrictEqual(offsets(yield* ahead.read([request(4n)], 100 * SIZE)), [[4n, 5n]])
      yield* settled
      // Not for what it gave, but for what comes next.
      assert.deepStrictEqual(asked.slice(before), [[request(6n)]])
    })
  )

  it.effect("waits for what is being read, and reads itself if that failed", () =>
    Effect.gen(function* () {
      const { asked, open, state, store } = makeStore()
      const ahead = new ReadAhead(store, yield* Effect.scope, 100 * SIZE)
      yield* ahead.read([request(0n)], 100 * SIZE)
      yield* ahead.read([request(2n)], 100 * SIZE)
      open.closeUnsafe()
      const reader = yield* Effect.forkChild(ahead.read([request(4n)], 100 * SIZE))
      yield* settled
      assert.isUndefined(reader.pollUnsafe())
      open.openUnsafe()
      assert.deepStrictEqual(offsets(yield* Fiber.join(reader)), [[4n, 5n]])
      assert.strictEqual(asked.filter(([first]) => first!.from === 4n).length, 1)
      state.failing = true
      yield* settled
      assert.strictEqual(asked.filter(([first]) => first!.from === 6n).length, 1)
      state.failing = false
      assert.deepStrictEqual(offsets(yield* ahead.read([request(6n)], 100 * SIZE)), [[6n, 7n]])
      assert.strictEqual(asked.filter(([first]) => first!.from === 6n).length, 2)
    })
  )

  it.effect("holds no more bytes than it may, and nothing after it is cleared or a partition is forgotten", () =>
    Effect.gen(function* () {
      const { store } = makeStore()
      const ahead = new ReadAhead(store, yield* Effect.scope, 5 * SIZE)
      for (let partitionId = 1; partitionId <= 4; partitionId++) {
        yield* ahead.read([request(0n, 2, partitionId)], 100 * SIZE)
        yield* ahead.read([request(2n, 2, partitionId)], 100 * SIZE)
        yield* settled
        assert.isAtMost(ahead.bytes, 5 * SIZE)
      }
      assert.isAbove(ahead.bytes, 0)
      ahead.forget([1, 2, 3, 4])
      assert.strictEqual(ahead.bytes, 0)
      yield* ahead.read([request(4n, 2, 9)], 100 * SIZE)
      yield* ahead.read([request(6n, 2, 9)], 100 * SIZE)
      yield* settled
      assert.strictEqual(ahead.bytes, 2 * SIZE)
      ahead.clear()
      assert.strictEqual(ahead.bytes, 0)
    })
  )

  it.effect("reads nothing ahead if it may hold nothing", () =>
    Effect.gen(function* () {
      const { asked, store } = makeStore()
      const ahead = new ReadAhead(store, yield* Effect.scope, 0)
      for (let from = 0n; from < 10n; from += 2n) yield* ahead.read([request(from)], 100 * SIZE)
      yield* settled
      assert.strictEqual(asked.length, 5)
    })
  )

  const Step = Schema.Struct({
    reader: Schema.Literals([0, 1, 2]),
    batches: Schema.Literals([1, 2, 5]),
    total: Schema.Literals([1, 3, 100]),
    jump: Schema.Literals([0, 0, 0, 7]),
    settle: Schema.Boolean,
    clear: Schema.Literals([false, false, false, true])
  })

  it.effect.prop(
    "gives what the store would give, in any order of readers, sizes and pauses",
    [Schema.Array(Step).check(Schema.isMaxLength(40))],
    ([steps]) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { now, store } = makeStore()
          const ahead = new ReadAhead(store, yield* Effect.scope, 6 * SIZE)
          const at = [0n, 0n, 500n]
          for (const { batches, clear, jump, reader, settle, total } of steps) {
            const from = at[reader]! + BigInt(jump)
            // Reader 0 reads two partitions at a time.
            const requests = [request(from, batches), ...(reader === 0 ? [request(from, batches, 2)] : [])]
            const found = yield* ahead.read(requests, total * SIZE)
            const direct = now(requests, total * SIZE)
            let bytes = 0
            for (let i = 0; i < requests.length; i++) {
              // As the store: consecutive from the offset asked for. It may give less for a later partition.
              const got = found[i]!.map(RecordBatch.baseOffset)
              assert.deepStrictEqual(got, direct[i]!.slice(0, got.length).map(RecordBatch.baseOffset))
              bytes += got.length * SIZE
            }
            assert.isAbove(found[0]!.length, 0)
            assert.isAtMost(bytes, Math.max(total * SIZE, SIZE))
            assert.isAtMost(ahead.bytes, 6 * SIZE)
            at[reader] = from + BigInt(found[0]!.length)
            if (settle) yield* settled
            if (clear) ahead.clear()
          }
        })
      )
  )
})
