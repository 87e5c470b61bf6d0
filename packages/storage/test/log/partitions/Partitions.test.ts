import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { isKafkaError } from "../../../src/log/Log.ts"
import { Fenced } from "../../../src/port/StoreError.ts"
import { FaultyStore } from "../../FaultyStore.ts"
import { batchOf } from "../batch.ts"
import { append, numbered, offsets, readAll, serving } from "../serving.ts"

describe("a partition that is loaded anew", () => {
  it.effect("goes on in a new broker: offsets, sequences, epochs", () => {
    const store = new FaultyStore()
    return Effect.gen(function* () {
      const first = yield* serving(store, ({ active, log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          yield* append(log, a!, numbered(0), numbered(1))
          return active.epoch()
        })
      )
      yield* serving(store, ({ log, partitions }) =>
        Effect.gen(function* () {
          const [a] = yield* partitions(1)
          assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(1), numbered(2))), [1n, 2n])
          assert.deepStrictEqual(yield* log.endOfEpoch(a!, first), { epoch: first, endOffset: 2n })
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n, 2n])
        })
      )
    })
  })

  it.effect(
    "leaps behind a failover that lost records, before anything is told of it, and its epochs tell where",
    () => {
      const store = new FaultyStore()
      return serving(store, ({ active, log, partitions, topics }) =>
        Effect.gen(function* () {
          const [a, b, unread] = yield* partitions(3)
          for (let i = 0; i < 3; i++) yield* append(log, a!, numbered(i))
          yield* append(log, b!, numbered(0))
          const standby = store.data.copy()
          standby.timeline = "00000002"
          const before = active.epoch()
          yield* append(log, a!, numbered(3))
          yield* append(log, a!, numbered(4))
          // The standby takes over without the last two.
          store.becomes(standby)
          yield* active.failed(new Fenced({ message: "the server is gone" }), 1)
          assert.isAtLeast(active.epoch(), before + 1000)
          assert.strictEqual(active.failoverEpoch(), active.epoch())
          const ends = yield* log.ends([a!, b!])
          assert.deepStrictEqual(
            ends.map((end) => !isKafkaError(end) && end.highWatermark),
            [1_000_003n, 1_000_001n]
          )
          // A reader at offset 5 of the old epoch learns that it ended at 3 (KIP-320), and is given nothing twice.
          assert.deepStrictEqual(yield* log.endOfEpoch(a!, before), { epoch: before, endOffset: 3n })
          assert.deepStrictEqual(yield* readAll(log, a!), [0n, 1n, 2n, 3n])
          assert.deepStrictEqual(yield* readAll(log, a!, 5n), [3n], "the batch without records that holds offset 5")
          // Its producer goes on, and is known still.
          assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(2))), [2n])
          assert.deepStrictEqual(offsets(yield* append(log, a!, numbered(3))), [1_000_003n])
          // Once, also for another reign; and what was not loaded until then leaps too.
          yield* active.failed(new Fenced({ message: "gone" }), 2)
          const again = yield* log.ends([a!, unread!])
          assert.deepStrictEqual(
            again.map((end) => !isKafkaError(end) && end.highWatermark),
            [1_000_004n, 1_000_000n]
          )
          const [made] = (yield* topics.create({ name: "made since", partitions: 1, configs: new Map() })).partitionIds
          assert.deepStrictEqual(offsets(yield* append(log, made!, batchOf())), [0n])
        })
      )
    }
  )

  it.effect("never ends below what this process told of, though nothing shows a failover", () => {
    const store = new FaultyStore()
    return serving(store, ({ active, log, partitions }) =>
      Effect.gen(function* () {
        const [a] = yield* partitions(1)
        const earlier = store.data.copy()
        for (let i = 0; i < 3; i++) yield* append(log, a!, numbered(i))
        store.becomes(earlier)
        yield* active.failed(new Fenced({ message: "gone" }), 1)
        assert.deepStrictEqual(offsets(yield* append(log, a!, batchOf())), [3n])
      })
    )
  })
})
