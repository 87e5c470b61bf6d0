import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { PartitionRead } from "../../../src/log/Log.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"
import { append, offsets, readAll, serving } from "../serving.ts"

describe("a read", () => {
  it.effect("finds what was appended, in memory and in the store alike", () =>
    serving(
      new FaultyStore(),
      ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a, b] = yield* partitions(2)
          assert.deepStrictEqual(offsets(yield* append(log, a!, batchOf({ records: 2 }), batchOf())), [0n, 2n])
          assert.deepStrictEqual(offsets(yield* append(log, b!, batchOf())), [0n])
          // Nothing fits into this tail: all of it is read from the store.
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 2n])
          assert.deepStrictEqual(yield* readAll(log, a!, 1n), [0n, 2n])
          assert.deepStrictEqual(yield* readAll(log, a!, 3n), [])
          assert.strictEqual(yield* readAll(log, a!, 4n), "OffsetOutOfRange")
          assert.strictEqual(yield* readAll(log, 999), "UnknownTopicOrPartition")
        }),
      0
    )
  )

  it.effect("gives at most the bytes asked for, over all partitions, but one batch at least", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a, b] = yield* partitions(2)
        const size = batchOf().byteLength
        for (const partitionId of [a!, b!]) yield* append(log, partitionId, batchOf(), batchOf())
        const request = [a!, b!].map((partitionId) => ({ partitionId, from: 0n, maxBytes: 1 << 20 }))
        const counts = (maxBytes: number, atLeastOne: boolean) =>
          Effect.map(log.read(request, { bound: "HighWatermark", maxBytes, atLeastOne }), (reads) =>
            reads.map((read) => (read as PartitionRead).batches.length)
          )
        assert.deepStrictEqual(yield* counts(3 * size, true), [2, 1])
        assert.deepStrictEqual(yield* counts(1, true), [1, 0])
        assert.deepStrictEqual(yield* counts(1, false), [0, 0])
      })
    )
  )

  it.effect("that waits for bytes is woken by the append", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, batchOf())
        const size = batchOf().byteLength
        const at = [{ partitionId: a!, bound: "HighWatermark" as const, readableEnd: 1n }]
        const waiting = yield* Effect.forkChild(log.awaitBytes(at, 2 * size), { startImmediately: true })
        yield* append(log, a!, batchOf())
        assert.isUndefined(waiting.pollUnsafe())
        yield* append(log, a!, batchOf())
        yield* Fiber.join(waiting)
        // What has moved already is not waited for.
        yield* log.awaitBytes(at, 1000)
      })
    )
  )

  it.effect("goes as far by both bounds, as no transaction is open, and waits by both", () =>
    serving(new FaultyStore(), ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        yield* append(log, a!, batchOf(), batchOf())
        for (const bound of ["HighWatermark", "LastStableOffset"] as const) {
          const options = { bound, maxBytes: 1 << 20, atLeastOne: true }
          const [read] = yield* log.read([{ partitionId: a!, from: 0n, maxBytes: 1 << 20 }], options)
          const { batches, highWatermark, readableEnd } = read as PartitionRead
          assert.strictEqual(readableEnd, highWatermark)
          assert.strictEqual(BigInt(batches.length), readableEnd)
          const waiting = yield* Effect.forkChild(log.awaitBytes([read as PartitionRead], 1), {
            startImmediately: true
          })
          assert.isUndefined(waiting.pollUnsafe())
          yield* append(log, a!, batchOf())
          yield* Fiber.join(waiting)
        }
      })
    )
  )

  it.effect("that is interrupted while it loads takes no other with it", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    return serving(store, ({ log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        store.holdLoad = gate.await
        const reader = yield* Effect.forkChild(readAll(log, a!), { startImmediately: true })
        const writer = yield* Effect.forkChild(append(log, a!, batchOf()), { startImmediately: true })
        yield* Effect.yieldNow
        yield* Fiber.interrupt(reader)
        yield* gate.open
        assert.deepStrictEqual(offsets(yield* Fiber.join(writer)), [0n])
      })
    )
  })

  it.effect("gives nothing that is stored and not acknowledged yet", () => {
    const store = new FaultyStore()
    const gate = Latch.makeUnsafe(false)
    return serving(
      store,
      ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          yield* append(log, a!, batchOf())
          store.after = gate.await
          const writer = yield* Effect.forkChild(append(log, a!, batchOf()), { startImmediately: true })
          while (store.data.partitions.get(a!)!.endOffset < 2n) yield* Effect.yieldNow
          assert.deepStrictEqual(yield* readAll(log, a!), [0n])
          yield* gate.open
          yield* Fiber.join(writer)
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n])
        }),
      0
    )
  })

  it.effect("gives no first batch that is larger than asked for, if that is asked, from the store either", () =>
    serving(
      new FaultyStore(),
      ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          yield* append(log, a!, batchOf(), batchOf())
          const size = batchOf().byteLength
          const count = (maxBytes: number) =>
            Effect.map(
              log.read([{ partitionId: a!, from: 0n, maxBytes }], {
                bound: "HighWatermark",
                maxBytes,
                atLeastOne: false
              }),
              ([read]) => (read as PartitionRead).batches.length
            )
          assert.deepStrictEqual([yield* count(size - 1), yield* count(size), yield* count(2 * size)], [0, 1, 2])
        }),
      0
    )
  )
})
